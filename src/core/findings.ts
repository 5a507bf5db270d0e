/** What a check found, as far as a sentence goes. */
interface Said {
  readonly message: string;
  readonly runtime?: string;
  readonly source?: string;
}

/** One sentence: the finding, which runtime minds and where it says so, and `advice` ("choose int4-g32 instead"). */
export function describeFinding({ message, runtime, source }: Said, advice?: string): string {
  const whose = runtime ? ` (${source ? `${runtime}: ${source}` : runtime})` : "";
  if (!advice) return message + whose;
  return `${message.replace(/\.$/, "")}${whose}; ${advice}.`;
}
