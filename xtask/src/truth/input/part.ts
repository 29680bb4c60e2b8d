export const depth = (at: number) => (at < 2 || at > 9 ? 0 : 65616);

export class Stack<T> {
  private items: T[] = [];
  push(item: T) { this.items.push(item); }
  get top(): T | undefined { return this.items[this.items.length - 1]; }
}
