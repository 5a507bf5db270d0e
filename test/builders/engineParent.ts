// A process that starts an engine process, prints its number and stays: the test kills it.
import { launchEngine } from "../../src/node/engineClient";

const client = launchEngine({ modulePath: process.argv[2] });
void client.engine.device().then(() => {
  process.stdout.write(`${client.pid}\n`);
  setInterval(() => {}, 1000);
});
