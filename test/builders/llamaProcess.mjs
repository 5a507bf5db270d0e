// Runs llama.cpp on GGUF files in a process of its own, so that a crash there is a failed test here.
//   node llamaProcess.mjs MODULES '[{"model":…,"tokens":[…],"positions":[…]}, {"model":…,"prompt":…,"maxTokens":…}]'
// Prints one line of JSON per request: {"logProbabilities":…}, {"text":…,"tokens":…} or {"error":…}.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, json] = process.argv.slice(2);
const { getLlama, LlamaLogLevel, LlamaCompletion } = await import(pathToFileURL(path.join(modules, "node-llama-cpp/dist/index.js")).href);
// One thread: its others would wait by spinning, which starves a busy machine.
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.error, maxThreads: 1 });
const everything = { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } };
// Keys and values in F32, so that what is compared is the model and not the cache.
const contextOptions = { contextSize: 128, threads: 1, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" };

for (const request of JSON.parse(json)) {
  const answer = await run(request).catch((error) => ({ error: String(error?.message ?? error) }));
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await llama.dispose();

async function run(request) {
  const model = await llama.loadModel({ modelPath: request.model });
  const context = await model.createContext(contextOptions);
  const sequence = context.getSequence();
  try {
    if (!request.tokens) {
      const completion = new LlamaCompletion({ contextSequence: sequence });
      const text = await completion.generateCompletion(request.prompt, { maxTokens: request.maxTokens, temperature: 0 });
      return { text, tokens: model.tokenize(request.prompt) };
    }
    const input = request.tokens.map((t, i) => (request.positions.includes(i) ? [t, { generateNext: everything }] : t));
    const output = await sequence.controlledEvaluate(input);
    const logProbabilities = {};
    for (const i of request.positions) {
      const row = [];
      for (const [token, p] of output[i].next.probabilities) row[token] = Math.log(p);
      logProbabilities[i] = row;
    }
    return { logProbabilities };
  } finally {
    await model.dispose();
  }
}
