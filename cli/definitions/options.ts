import { type Command, InvalidArgumentError, Option } from "commander";

/** An option with a value, `--out <file>`; given twice, the last one counts. */
export function valueOption(flags: string, description: string): Option {
    return new Option(flags, description).argParser(checkedValue);
}

/** An option with a value that may be given several times: its values as a list. */
export function repeatedOption<T>(flags: string, description: string, parse: (value: string) => T): Option {
    return new Option(flags, description).argParser((value: string, previous: readonly T[] = []) => [
        ...previous,
        parse(checkedValue(value)),
    ]);
}

/** The stack a command works with; `selectedStack` resolves its default. */
export function stackOption(): Option {
    return valueOption("--stack <name>", "the stack (default: $PULUMI_STACK, else dev)");
}

export function configFileOption(): Option {
    return valueOption("--config-file <file>", "read the stack's configuration from this file");
}

export function jsonOption(description: string): Option {
    return new Option("--json", description);
}

/** Ends with a usage error if an option is given that has a meaning only together with another one. */
export function requireTogether(command: Command, needed: string, ...names: readonly string[]): void {
    const isGiven = (name: string) =>
        command.options.some((option) => option.long === name && hasValue(command, option));
    if (isGiven(needed)) return;
    const first = names.find(isGiven);
    if (first !== undefined) command.error(`error: option '${first}' needs option '${needed}'`);
}

function hasValue(command: Command, option: Option): boolean {
    return command.getOptionValue(option.attributeName()) !== undefined;
}

/**
 * An empty value is a shell variable that is not set; Pulumi would take the stack that happens to be selected. A value
 * that begins with a dash is the next option, and the value was forgotten.
 */
function checkedValue(value: string): string {
    if (value === "") throw new InvalidArgumentError("It must not be empty.");
    if (value.startsWith("-")) throw new InvalidArgumentError("It looks like an option; write a file as ./-name.");
    return value;
}
