import { budget } from "./budget.mjs";
import { charts } from "./charts.mjs";
import { looks } from "./looks.mjs";
import { messages } from "./messages.mjs";
import { speed } from "./speed.mjs";

export const tests = [messages, charts, budget, looks, speed].flatMap((family) => Object.entries(family));
