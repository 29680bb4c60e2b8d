"use strict";
document.documentElement.classList.add("js");
{
  const number = (text) => {
    const plain = text.replaceAll(",", "");
    if (/^[-+]?(0x[0-9a-f]+|[0-9]+)$/i.test(plain)) {
      const sign = plain.startsWith("-") ? -1 : 1;
      return sign * Number(plain.replace(/^[-+]/, ""));
    }
    return null;
  };
  const compare = (one, other) => {
    const [first, second] = [number(one), number(other)];
    if (first !== null && second !== null) return first - second;
    return one.localeCompare(other, "en", { numeric: true });
  };
  const sortBy = (table, head, column) => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const text = (row) => row.cells[column].textContent.trim();
    const rows = [...table.tBodies[0].rows];
    rows.sort((one, other) => (ascending ? 1 : -1) * compare(text(one), text(other)));
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sortBy(table, head, column));
    });
  }
  for (const box of document.querySelectorAll("p.filter")) {
    const table = box.nextElementSibling.querySelector("table");
    const count = box.querySelector(".count");
    const input = box.querySelector("input");
    box.hidden = false;
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${table.tBodies[0].rows.length}`;
    });
  }
}
