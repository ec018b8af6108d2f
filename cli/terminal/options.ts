import { type ParseArgsConfig, parseArgs } from "node:util";
import { errorMessage } from "../../lib/errors/errors";
import { UsageError } from "../command";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads a command's flags.
 * @throws UsageError with the help text for a flag it does not have, a value that is missing, a word too many
 */
export function parseOptions<const O extends Options>(args: readonly string[], options: O, help: string) {
    return explained(help, () => parseArgs({ args: [...args], options })).values;
}

/** As `parseOptions`, for a command that takes words too. */
export function parseWords<const O extends Options>(args: readonly string[], options: O, help: string) {
    return explained(help, () => parseArgs({ args: [...args], options, allowPositionals: true }));
}

function explained<T>(help: string, parse: () => T): T {
    try {
        return parse();
    } catch (error) {
        throw new UsageError(`${errorMessage(error)}\n\n${help}`);
    }
}

/** @throws UsageError if more than one of these flags is given */
export function refuseTogether(values: Readonly<Record<string, unknown>>, ...names: readonly string[]): void {
    const given = names.filter((name) => values[name] !== undefined && values[name] !== false);
    if (given.length > 1) throw new UsageError(`${given.map((name) => `--${name}`).join(" and ")} exclude each other`);
}

/** @throws UsageError if a flag is given that means nothing without another one */
export function refuseWithout(
    values: Readonly<Record<string, unknown>>,
    needed: string,
    ...names: readonly string[]
): void {
    const given = names.filter((name) => values[name] !== undefined && values[name] !== false);
    const first = given[0];
    if (values[needed] !== true && first !== undefined) throw new UsageError(`--${first} needs --${needed}`);
}

/**
 * The stack a command is about: the one that is named, else `PULUMI_STACK`, as `npm run up` takes it, else `dev`.
 * @throws UsageError for an empty name: Pulumi would take the stack that happens to be selected
 */
export function stackOf(named: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
    if (named === undefined) return env.PULUMI_STACK || "dev";
    // A flag before its shell variable was set.
    if (named === "") throw new UsageError("--stack is empty: name the stack");
    return named;
}
