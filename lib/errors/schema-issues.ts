import type { z } from "zod";
import { escaped, firstLines, printable } from "./text";

const MAX_ISSUES = 50;

/** What is wrong with data that does not have the shape it should have, as one line. The data may be untrusted. */
export function schemaIssues(error: z.ZodError): string {
    const issues = error.issues.map(({ message, path }) => `${escaped(message)}${placeText(path)}`);
    return firstLines(issues, MAX_ISSUES).join("; ");
}

function placeText(path: readonly PropertyKey[]): string {
    return path.length === 0 ? "" : ` (at ${printable(path.map(String).join("."))})`;
}
