// Names of tensors are longer than the places they are shown in, and begin and end alike.

/** Of what is kept the beginning has this share: names begin with the layer, and end with the part of it. */
const usualShare = 1 / 3;
const otherShares = [1 / 4, 1 / 6, 1 / 10, 0, 1 / 2, 2 / 3, 1];
/** More labels than a person compares, or than can be tried while a list scrolls. */
const mostCompared = 4000;

/** At most so many characters, with "…" in place of the middle; the beginning has `share` of what is kept. */
export function elide(label: string, characters: number, share = usualShare): string {
  if (label.length <= characters) return label;
  return keepEnds(label, Math.max(0, characters - 1), share);
}

/** `kept` characters of both ends together, with "…" between them. */
export function keepEnds(label: string, kept: number, share = usualShare): string {
  const head = Math.floor(kept * share);
  return `${label.slice(0, head)}…${label.slice(label.length - (kept - head))}`;
}

/** The beginning's share with which most of the labels can be told apart at so many characters; the usual one where it is as good. */
export function headShare(labels: readonly string[], characters: number): number {
  const all = new Set(labels.slice(0, mostCompared));
  const distinct = (share: number) => new Set([...all].map((label) => elide(label, characters, share))).size;
  let best = usualShare;
  let most = distinct(best);
  for (const share of otherShares) {
    if (most === all.size) break;
    const told = distinct(share);
    if (told > most) [best, most] = [share, told];
  }
  return best;
}

/** Where labels are cut at their beginning as far as there is no room: characters that stay there, which tell those apart that end alike. */
export function keptStart(labels: readonly string[], characters: number): number {
  const ends = new Set(labels.map((label) => elide(label, characters, 0)));
  return ends.size === new Set(labels).size ? 0 : Math.floor((characters - 1) * headShare(labels, characters));
}

/** Whole parts that all names begin with, with their separators: "model.layers.", "If_0/"; nothing of a single name. */
export function commonParts(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length < 2) return "";
  let length = first.length;
  for (const name of names) {
    let n = 0;
    while (n < length && n < name.length && first[n] === name[n]) n++;
    length = n;
  }
  return /^.*[./]/.exec(first.slice(0, length))?.[0] ?? "";
}
