import { Stack, depth } from "./part";

enum Verdict { Proved, Refuted, Undecided }

interface Row { pc: number; declared: number; actual?: number }

const rows: Row[] = Array.from({ length: 12 }, (_, at) => ({ pc: at * 4, declared: depth(at) }));

async function* walk(stack: Stack<Row>): AsyncGenerator<Verdict> {
  for (const row of rows) {
    stack.push({ ...row, actual: row.declared ** 2 / (row.declared || 1) });
    yield row.declared === stack.top?.actual ? Verdict.Proved : Verdict.Refuted;
  }
}

export class Report {
  #found = new Map<string, number>();
  static readonly pattern = /^0x(?<digits>[0-9a-f]+)$/u;
  async fill() {
    for await (const verdict of walk(new Stack<Row>())) {
      const name = `verdict: ${Verdict[verdict]}`;
      this.#found.set(name, (this.#found.get(name) ?? 0) + 1);
    }
    return [...this.#found.entries()].sort(([a], [b]) => a.localeCompare(b));
  }
}

new Report().fill().then((found) => console.log(JSON.stringify(found, null, 2)));
