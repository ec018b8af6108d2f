import { existsSync } from "node:fs";
import { defaultStack, stackFiles } from "./workspace.mjs";

/** Pulumi's global flags whose value may be a word of its own. */
const globalFlagsWithValue = new Set([
    ...["-C", "--cwd", "--color", "-v", "--verbose", "--memprofilerate", "--otel-traces", "--profiling", "--tracing"],
    ...["-s", "--stack", "--config-file"],
]);

/** Commands that take `--config-file`, by each of their names. */
const readsConfig = new Set([
    ...["up", "update", "preview", "pre", "refresh", "destroy", "down", "dn"],
    ...["config", "conf", "cfg", "import", "watch", "logs", "log"],
]);

/** Commands that start the providers of resources, by each of their names. */
const startsProviders = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "watch"]);

const updates = new Set(["up", "update"]);

/** Variables that stand for `--continue-on-error`; every flag of Pulumi has one of the second form. */
const continuesOnError = ["PULUMI_CONTINUE_ON_ERROR", "PULUMI_OPTION_CONTINUE_ON_ERROR"];

/** Commands that write the config file of the project they run in, and take no `--config-file`. */
const writesProjectConfig = new Set(["init", "change-secrets-provider", "rename", "rm"]);

/**
 * The stack of a Pulumi command line.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} without organization and project
 */
export function selectedStack(args, env) {
    return withoutProject(
        flagValue(args, ["-s", "--stack"]) ?? namedByWord(args) ?? (env.PULUMI_STACK || defaultStack),
    );
}

/** @param {string} stack `organization/project/dev` @returns {string} `dev` */
export function withoutProject(stack) {
    return stack.slice(stack.lastIndexOf("/") + 1);
}

/**
 * Points commands at the stack's own config, if it has one below `.local/`: so no command writes a tracked file.
 *
 * @param {string[]} args
 * @param {import("./workspace.mjs").Workspace} place
 * @param {string} stack
 * @returns {string[]}
 */
export function completeArguments(args, place, stack) {
    const files = stackFiles(place, stack);
    const [command, second] = words(args);
    if (command === undefined || !existsSync(files.config)) return args;
    const after = command.index + 1;
    if (readsConfig.has(command.word) && flagValue(args, ["--config-file"]) === undefined) {
        return [...args.slice(0, after), "--config-file", files.config, ...args.slice(after)];
    }
    if (command.word === "stack" && second !== undefined && writesProjectConfig.has(second.word)) {
        return namesOther(args, second, stack) ? args : ["-C", files.dir, ...args];
    }
    return args;
}

/** @param {string[]} args @returns {boolean} true for `pulumi up` */
export function isUpdate(args) {
    const [command] = words(args);
    return command !== undefined && updates.has(command.word);
}

/** @param {string[]} args @returns {boolean} true for `pulumi watch`, which goes on while sources are edited */
export function isWatch(args) {
    const [command] = words(args);
    return command?.word === "watch";
}

/**
 * Why an update is refused that would go on after errors: pulumi 3.259 then deletes what the program has no more although
 * its successor could not be made, mirror rules and accounts among it. With `--refresh` it may not even end.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} undefined if it would not
 */
export function refusedUpdate(args, env) {
    if (!isUpdate(args)) return undefined;
    const flag = args.filter((arg) => /^--continue-on-error(=|$)/.test(arg)).at(-1);
    const variable = continuesOnError.find((name) => isTrue(env[name]));
    // A value in a word of its own is not the flag's: Pulumi reads it as the name of a template.
    const isSet = flag === undefined ? variable !== undefined : isTrue(flag.split("=")[1] ?? "true");
    if (!isSet) return undefined;
    return (
        `${flag ?? variable}: Pulumi would delete what is no longer wanted although its successor failed, ` +
        "such as the mirror rules of a cluster\n" +
        "run it without that; a cluster that is down is left out with --exclude '**::cluster-NAME-access' " +
        "--exclude-dependents ('**::cluster-access' for site.cluster)"
    );
}

/** @param {string | undefined} value as Go reads it */
function isTrue(value) {
    return /^(1|t|true)$/i.test(value ?? "");
}

/**
 * The file that a Pulumi command line names for the configuration.
 *
 * @param {string[]} args
 * @returns {string[]} none if it names none
 */
export function namedConfigFile(args) {
    const file = flagValue(args, ["--config-file"]);
    return file === undefined ? [] : [file];
}

/**
 * Whether a Pulumi command line runs the providers of resources.
 *
 * @param {string[]} args
 * @returns {boolean}
 */
export function runsProviders(args) {
    const [command] = words(args);
    return command !== undefined && startsProviders.has(command.word);
}

/** Commands of the project's own command line that read where a site's registry is. */
const readsSite = new Set([
    "doctor",
    "plan",
    "import",
    "verify",
    "render",
    "selftest",
    "check",
    "coverage",
    "report",
    "superseded",
    "up",
]);

/** Those that need the Pulumi CLI, for the stack's outputs, and those that use it if it is at hand. */
const needsPulumi = new Set(["render", "selftest", "check", "report", "up"]);
const usesPulumi = new Set(["doctor", "plan", "import", "verify", "coverage", "superseded"]);

/**
 * Which tools a command of the project's own command line wants, as keys of tools.json.
 *
 * @param {string[]} args
 * @returns {{needed: string[], optional: string[]}}
 */
export function pulumiUse([command = ""]) {
    if (command === "registry-image") return { needed: ["registry"], optional: [] };
    return {
        needed: needsPulumi.has(command) ? ["pulumi"] : [],
        optional: usesPulumi.has(command) ? ["pulumi"] : [],
    };
}

/**
 * Whether the project's own command line would print its help, and do nothing else.
 *
 * @param {string[]} args
 * @returns {boolean}
 */
export function asksForHelp(args) {
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const flags = args.slice(0, end);
    return args.length === 0 || args[0] === "help" || flags.includes("--help") || flags.includes("-h");
}

/**
 * Points commands of the project's own command line at the stack's own config, if it has one below `.local/`: it knows
 * what was made at run time.
 *
 * @param {string[]} args
 * @param {import("./workspace.mjs").StackFiles} files
 * @returns {string[]}
 */
export function passthroughArguments(args, files) {
    const [command, ...rest] = args;
    const isNamed = flagValue(args, ["--config-file"]) !== undefined;
    if (command === undefined || !readsSite.has(command) || isNamed || !existsSync(files.config)) return args;
    return [command, "--config-file", files.config, ...rest];
}

/**
 * `stack init site-b`: the passphrase and the config of the stack that is made, not of another one.
 *
 * @param {string[]} args
 * @returns {string | undefined}
 */
function namedByWord(args) {
    const [command, subcommand = "", name] = words(args).map(({ word }) => word);
    return command === "stack" && ["init", "rm", "select"].includes(subcommand) ? name : undefined;
}

/**
 * `stack init site-b` and `stack rm site-b` are about a stack whose config is tracked.
 *
 * @param {string[]} args
 * @param {Word} subcommand
 * @param {string} stack
 */
function namesOther(args, subcommand, stack) {
    if (!["init", "rm"].includes(subcommand.word)) return false;
    const name = words(args)[2]?.word;
    return name !== undefined && withoutProject(name) !== stack;
}

/**
 * The words that are neither flags nor values of global flags, up to `--`.
 *
 * @typedef {{word: string, index: number}} Word
 *
 * @param {string[]} args
 * @returns {Word[]}
 */
function words(args) {
    const found = [];
    for (let index = 0; index < args.length && args[index] !== "--"; index += 1) {
        const word = args[index] ?? "";
        if (globalFlagsWithValue.has(word)) index += 1;
        else if (!word.startsWith("-")) found.push({ word, index });
    }
    return found;
}

/**
 * Of a flag that is given twice the last one counts, for Pulumi and for the project's own command line.
 *
 * @param {string[]} args
 * @param {string[]} names of the flag
 * @returns {string | undefined}
 */
function flagValue(args, names) {
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    let found;
    for (const [index, argument] of args.slice(0, end).entries()) {
        const [flag = "", value] = argument.split(/=(.*)/s);
        if (names.includes(flag)) found = value ?? args[index + 1];
        // The short form takes its value without a space too: -sprod.
        if (names.includes("-s") && /^-s[^-=]/.test(argument)) found = argument.slice(2);
    }
    return found;
}
