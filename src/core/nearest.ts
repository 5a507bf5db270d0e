/** Longer names are compared by their beginnings: the time grows with the product of the lengths. */
const longestCompared = 200;

/** Names that begin with the wanted one, and those within a few letters of it, upper or lower case, nearest first. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const key = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(key.length / 3));
  return names
    .map((name) => ({ name, distance: distance(key, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name);
}

/** What was not written to its end is as near as a single wrong letter. */
const distance = (wanted: string, name: string) =>
  wanted.length > 1 && name.startsWith(wanted) && name !== wanted ? 1 : editDistance(wanted, name);

/** Letters to insert, remove or replace (Levenshtein). */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, longestCompared);
  const b = right.slice(0, longestCompared);
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
