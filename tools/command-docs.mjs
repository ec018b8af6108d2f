import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { asksForHelp } from "./command-line.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { createProgress } from "./progress.mjs";
import { projectRoot, workspace } from "./workspace.mjs";

const page = join(projectRoot, "docs", "command-line.md");

/**
 * Writes the options and exit codes of every command into docs/command-line.md, between the marks of each command.
 *
 * @param {string[]} args `--check` writes nothing
 * @returns {Promise<number>} 1 if `--check` finds the page out of date
 */
async function main(args) {
    if (args.length > 0 && asksForHelp(args)) {
        process.stdout.write(
            "usage: npm run docs:commands [-- --check]\nWrites the options and exit codes of every command into docs/command-line.md.\n",
        );
        return 0;
    }
    await prepare(workspace(), createProgress(), []);
    const { commandDefinitions } = createRequire(import.meta.url)("../dist/cli/program.js");
    const before = readFileSync(page, "utf8");
    const after = await documented(before, commandDefinitions());
    if (before === after) return 0;
    if (args.includes("--check")) {
        process.stderr.write("docs/command-line.md is out of date: run npm run docs:commands\n");
        return 1;
    }
    writeFileSync(page, after);
    return 0;
}

/**
 * The page with what the definitions say.
 *
 * @param {string} text
 * @param {readonly import("../cli/definitions/definition.js").CommandDefinition[]} definitions
 * @returns {Promise<string>}
 * @throws {Error} if a command has no place in the page, or a place no command
 */
export async function documented(text, definitions) {
    const places = [...text.matchAll(/<!-- command: (\S+) -->/g)].map(([, name]) => name);
    const names = definitions.map(({ command }) => command.name());
    if (places.join() !== names.join()) {
        throw new Error(
            `docs/command-line.md has places for ${places.join(", ")}; the commands are ${names.join(", ")}`,
        );
    }
    let page = text;
    for (const definition of definitions) {
        const name = definition.command.name();
        const place = new RegExp(`(<!-- command: ${name} -->).*?(<!-- end -->)`, "s");
        page = page.replace(place, (_, start, end) => `${start}\n\n${section(definition)}\n\n${end}`);
    }
    return format(page, { ...(await resolveConfig(join(projectRoot, "docs"))), parser: "markdown" });
}

/** @param {import("../cli/definitions/definition.js").CommandDefinition} definition @returns {string} */
function section({ command, exitCodes }) {
    const words = command.registeredArguments.map((argument) => [argumentUsage(argument), argument.description]);
    const options = command.options.map((option) => [`\`${option.flags}\``, meaning(option, command)]);
    return [
        `\`passthrough ${command.name()} ${command.usage()}\`: ${command.summary()}.`,
        table(["Option", "Meaning"], [...words, ...options]),
        table(["Exit code", "Meaning"], exitCodes),
    ].join("\n\n");
}

/** @param {import("commander").Argument} argument @returns {string} */
function argumentUsage(argument) {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return `\`${argument.required ? `<${name}>` : `[${name}]`}\``;
}

/**
 * @param {import("commander").Option & {conflictsWith?: string[]}} option
 * @param {import("commander").Command} command
 * @returns {string}
 */
function meaning({ description, conflictsWith = [] }, command) {
    const others = command.options.filter((option) => conflictsWith.includes(option.attributeName()));
    const names = others.map(({ long }) => `\`${long}\``);
    return names.length === 0 ? description : `${description}; not with ${names.join(", ")}`;
}

/** @param {string[]} head @param {readonly (readonly (string | number)[])[]} rows @returns {string} */
function table(head, rows) {
    const line = (/** @type {readonly (string | number)[]} */ cells) =>
        `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
    return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(() => main(process.argv.slice(2)));
