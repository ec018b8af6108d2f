import { debug, isDebugging } from "../../lib/debug/debug";
import { errorMessage } from "../../lib/errors/errors";

/**
 * The area "provider" of the debug log: each call of the engine, the resource it is about, and its result.
 * @param provider its errors are free of secrets already
 */
export function logCalls<Provider extends object>(provider: Provider): Provider {
    if (!isDebugging("provider")) return provider;
    const logged = Object.entries(provider).map(([name, call]) => [
        name,
        async (...args: readonly unknown[]) => {
            const startedAt = Date.now();
            const log = (outcome: string) => {
                debug("provider", () => `${name} ${resourceName(args)}: ${outcome}, ${Date.now() - startedAt} ms`);
            };
            try {
                const result: unknown = await (call as (...args: readonly unknown[]) => unknown)(...args);
                log(resultText(result));
                return result;
            } catch (error) {
                log(`failed: ${errorMessage(error)}`);
                throw error;
            }
        },
    ]);
    return Object.fromEntries(logged) as Provider;
}

/** The URN that every resource has among its inputs. */
function resourceName(args: readonly unknown[]): string {
    const urns = args.map((arg) => (arg as { selfUrn?: unknown } | undefined)?.selfUrn);
    return String(urns.findLast((urn) => typeof urn === "string") ?? "");
}

/** Of a `diff` and a `check`, what they found; values are never shown. */
function resultText(result: unknown): string {
    const { changes, replaces, failures } = (result ?? {}) as {
        readonly changes?: boolean;
        readonly replaces?: readonly string[];
        readonly failures?: readonly unknown[];
    };
    if (replaces !== undefined && replaces.length > 0) return `replaced, since ${replaces.join(", ")} changed`;
    if (changes !== undefined) return changes ? "changes" : "no changes";
    return failures !== undefined && failures.length > 0 ? `${failures.length} inputs are invalid` : "done";
}
