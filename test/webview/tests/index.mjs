import { budget } from "./budget.mjs";
import { charts } from "./charts.mjs";
import { compareTests } from "./compare.mjs";
import { looks } from "./looks.mjs";
import { messages } from "./messages.mjs";
import { speed } from "./speed.mjs";

export const tests = [messages, charts, budget, compareTests, looks, speed].flatMap((family) => Object.entries(family));
