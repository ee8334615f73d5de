// Asks through Vercel's AI SDK. Reads jobs from standard input, one line of JSON each:
//   {do, provider, url, token, model, tools?}
// and writes what came of each as a line: {text, toolCalls, steps}, {vector} or {error}.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { embed, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { createInterface } from "node:readline";

const PROMPT = "hello";
const SCHEMA = jsonSchema({
  type: "object",
  properties: { text: { type: "string" } },
  required: ["text"],
  additionalProperties: false,
});

function openai(job) {
  return createOpenAI({ baseURL: `${job.url}/openai/v1`, apiKey: job.token });
}

function modelOf(job) {
  switch (job.provider) {
    case "openai-chat":
      return openai(job).chat(job.model);
    case "openai-responses":
      return openai(job).responses(job.model);
    case "anthropic":
      return createAnthropic({ baseURL: `${job.url}/anthropic/v1`, apiKey: job.token })(job.model);
  }
  throw new Error(`no such provider: ${job.provider}`);
}

// The tool is called once, and its result goes back to the model.
function question(job, calls) {
  const lookUp = tool({
    description: "Looks something up.",
    inputSchema: SCHEMA,
    execute: async (input) => {
      calls.push(input);
      return "42";
    },
  });
  const asked = { model: modelOf(job), prompt: PROMPT, maxRetries: 0, maxOutputTokens: 100 };
  return job.tools ? { ...asked, tools: { look_up: lookUp }, stopWhen: stepCountIs(3) } : asked;
}

async function asked(job) {
  const toolCalls = [];
  if (job.do === "embed") {
    const answer = await embed({
      model: openai(job).embedding(job.model),
      value: PROMPT,
      maxRetries: 0,
    });
    return { vector: answer.embedding.length };
  }
  if (job.do === "ask") {
    const answer = await generateText(question(job, toolCalls));
    return { text: answer.text, toolCalls, steps: answer.steps.length };
  }
  let text = "";
  const answer = streamText({ ...question(job, toolCalls), onError: () => {} });
  for await (const part of answer.fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "error") throw part.error;
  }
  return { text, toolCalls, steps: (await answer.steps).length };
}

async function result(job) {
  try {
    return await asked(job);
  } catch (error) {
    const { name, statusCode, responseBody } = error;
    return { error: { name, statusCode, responseBody, message: String(error) } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await result(JSON.parse(line)))}\n`);
}
