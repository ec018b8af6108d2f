import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { asksForHelp } from "./command-line.mjs";
import { prepare, runMain } from "./prepare.mjs";
import { createProgress } from "./progress.mjs";
import { projectRoot, workspace } from "./workspace.mjs";

/** @typedef {import("../lib/site/key-documentation.js").ConfigKey} ConfigKey */

const page = join(projectRoot, "docs", "configuration.md");
const schemaFile = join(projectRoot, "config", "stack-file.schema.json");

/**
 * Writes the reference of every configuration key into docs/configuration.md, between the marks of its parts, and the
 * JSON Schema of a stack file.
 *
 * @param {string[]} args `--check` writes nothing
 * @returns {Promise<number>} 1 if `--check` finds one of the files out of date
 */
async function main(args) {
    if (args.length > 0 && asksForHelp(args)) {
        process.stdout.write(
            "usage: npm run docs:config [-- --check]\nWrites the keys into docs/configuration.md, and config/stack-file.schema.json.\n",
        );
        return 0;
    }
    await prepare(workspace(), createProgress(), []);
    const { siteKeys, accountKeys, stackFileJsonSchema } = createRequire(import.meta.url)("../dist/lib/site/index.js");
    const generated = {
        [page]: await documented(readFileSync(page, "utf8"), { site: siteKeys(), accounts: accountKeys() }),
        [schemaFile]: await schemaText(stackFileJsonSchema()),
    };
    const outdated = Object.entries(generated).filter(([file, text]) => readText(file) !== text);
    for (const [file, text] of outdated) {
        if (args.includes("--check")) process.stderr.write(`${file} is out of date: run npm run docs:config\n`);
        else writeFileSync(file, text);
    }
    return args.includes("--check") && outdated.length > 0 ? 1 : 0;
}

/** @param {string} file @returns {string | undefined} undefined if it does not exist yet */
function readText(file) {
    try {
        return readFileSync(file, "utf8");
    } catch {
        return undefined;
    }
}

/**
 * The page with the given keys.
 *
 * @param {string} text
 * @param {Record<string, readonly ConfigKey[]>} parts by the name in their marks: `<!-- keys: site -->`
 * @returns {Promise<string>}
 * @throws {Error} if the page does not have exactly these parts
 */
export async function documented(text, parts) {
    const places = [...text.matchAll(/<!-- keys: (\S+) -->/g)].map(([, name]) => name);
    if (places.join() !== Object.keys(parts).join()) {
        const names = Object.keys(parts).join(", ");
        throw new Error(`docs/configuration.md has places for ${places.join(", ")}; the parts are ${names}`);
    }
    let page = text;
    for (const [name, keys] of Object.entries(parts)) {
        const place = new RegExp(`(<!-- keys: ${name} -->).*?(<!-- end -->)`, "s");
        const sections = keys.filter(({ key }) => key !== "").map(section);
        page = page.replace(place, (_, start, end) => [start, ...sections, end].join("\n\n"));
    }
    return format(page, { ...(await prettierOptions("markdown")), proseWrap: "always" });
}

/**
 * @param {object} schema
 * @returns {Promise<string>} the text of the file
 */
export async function schemaText(schema) {
    return format(JSON.stringify(schema), await prettierOptions("json"));
}

/** @param {string} parser @returns {Promise<import("prettier").Options>} */
async function prettierOptions(parser) {
    return { ...(await resolveConfig(page)), parser };
}

/** @param {ConfigKey} known @returns {string} a heading, what the key does, and a list of facts */
function section(known) {
    const level = /[.[]/.test(known.key) ? "####" : "###";
    return [`${level} \`${known.key}\``, `${withLinks(known.description)}.`, facts(known)].join("\n\n");
}

/** @param {ConfigKey} known @returns {string} */
function facts({ key, isRequired, isSecret, typeText, values, defaultText, example, fix }) {
    const leaf = key.slice(key.lastIndexOf(".") + 1);
    const lines = [
        ["Values", values?.map((value) => `\`${value}\``).join(", ")],
        ["Type", typeText],
        ["Required", isRequired ? "yes" : undefined],
        ["Default", defaultText],
        ["Secret", isSecret ? "yes" : undefined],
        ["Example", example === undefined ? undefined : `\`${leaf}: ${yamlValue(example)}\``],
        [isRequired ? "If it is missing or wrong" : "If it is wrong", fix],
    ];
    return lines.flatMap(([name, text]) => (text === undefined ? [] : [`- ${name}: ${withLinks(text)}`])).join("\n");
}

/**
 * @param {unknown} value
 * @returns {string} on one line, with quotes where YAML would read a text as another type
 */
function yamlValue(value) {
    if (Array.isArray(value)) return `[${value.map(yamlValue).join(", ")}]`;
    if (typeof value !== "object" || value === null) return scalar(value);
    return `{ ${Object.entries(value)
        .map(([key, entry]) => `${key}: ${yamlValue(entry)}`)
        .join(", ")} }`;
}

/** @param {unknown} value @returns {string} */
function scalar(value) {
    const isPlain = typeof value !== "string" || (/^[\w/.:-]+$/.test(value) && Number.isNaN(Number(value)));
    return isPlain ? String(value) : JSON.stringify(value);
}

/** @param {string} text names pages as `docs/archives.md#names` @returns {string} links, relative to docs/ */
function withLinks(text) {
    return text.replace(/\bdocs\/([\w/-]+)\.md(?:#([\w-]+))?/g, (_, name, title) => {
        const anchor = title === undefined ? "" : `#${title}`;
        if (name === "configuration") return `[${title.replaceAll("-", " ")}](${anchor})`;
        return `[${name}.md](${name}.md${anchor})`;
    });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(() => main(process.argv.slice(2)));
