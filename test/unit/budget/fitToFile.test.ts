import assert from "node:assert/strict";
import { fitToFile } from "../../../src/budget/fitToFile";
import { Random } from "../../../src/core/math/prng";

/** Plans of 100, 110, … 1000 counted bytes, the larger the better; `headers` by count. */
async function check(wanted: number, headers: (counted: number) => number) {
  let layouts = 0;
  const solve = (counted: number) => {
    const bytes = Math.min(1000, Math.max(100, Math.floor(counted / 10) * 10));
    return { counted: bytes, error: 1000 - bytes };
  };
  const found = await fitToFile({ wanted, smallest: 100, solve, layOut: async ({ counted }) => (layouts++, counted + headers(counted)) });
  assert.equal(found.fileBytes, found.plan.counted + headers(found.plan.counted));
  assert.ok(layouts <= 7, String(layouts));
  return found;
}

describe("a plan that fits its file", () => {
  const rows: [string, number, (counted: number) => number, number][] = [
    ["headers as counted", 505, () => 0, 500],
    ["headers larger than counted: a smaller plan", 505, () => 37, 460],
    ["headers smaller than counted: the room is used", 505, () => -120, 620],
    ["headers that fall with the size", 505, (c) => 300 - c / 2, 410],
    ["headers that rise with the size", 505, (c) => c / 5, 420],
    ["not even the smallest fits", 90, () => 10, 100],
    ["the smallest fits just so", 110, () => 10, 100],
    ["everything fits", 5000, () => -50, 1000],
  ];
  for (const [name, wanted, headers, counted] of rows) {
    it(name, async () => assert.equal((await check(wanted, headers)).plan.counted, counted));
  }

  it("headers that jump: never too large where something fits", async () => {
    const random = new Random(3);
    for (let t = 0; t < 300; t++) {
      const jumps = Array.from({ length: 101 }, () => random.integer(40) - 20);
      const wanted = 130 + random.integer(900);
      const { fileBytes } = await check(wanted, (c) => jumps[c / 10]);
      assert.ok(fileBytes <= wanted, `${fileBytes} of ${wanted}`);
    }
  });
});
