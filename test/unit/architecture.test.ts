import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../support/stack";

jest.setTimeout(120_000);

const FORBIDDEN: readonly (readonly [file: string, line: string])[] = [
    ["lib/oci/digest.ts", 'import { planImport } from "../import";'],
    ["lib/oci/digest.ts", 'import { mirrorReference } from "../mirror/mirror-reference";'],
    ["lib/distribution/http/transport.ts", 'import { mirrorReference } from "../../mirror/mirror-reference";'],
    ["lib/debug/debug.ts", 'import { withoutSecrets } from "../redaction/redaction";'],
    ["lib/import/plan/plan.ts", 'import { openArchive } from "../../archives";'],
    ["lib/archives/formats/oc-mirror/names.ts", 'import { mirrorRules } from "../../../openshift";'],
    ["lib/openshift/rules/resolve.ts", 'import * as pulumi from "@pulumi/pulumi";'],
    ["lib/import/plan/plan.ts", 'import { carryOut } from "../../passthrough";'],
    ["lib/site/site.ts", 'import { openArchive } from "../archives";'],
    ["lib/passthrough/set-import.ts", 'import { loadSite } from "../../config";'],
    ["lib/import/verify/verify.ts", 'import { loadSite } from "../../../config";'],
    ["dynamic-providers/entry.ts", 'import { PassthroughSite } from "../components/passthrough-site";'],
    ["components/image-content.ts", 'import { readFileSync } from "node:fs";'],
    ["components/image-content.ts", 'import { request } from "undici";'],
    ["config/load.ts", 'import { ImageImport } from "../dynamic-providers/image-import/resource";'],
    ["cli/main.ts", 'import * as pulumi from "@pulumi/pulumi";'],
];
const ALLOWED: readonly (readonly [file: string, line: string])[] = [
    ["lib/passthrough/set-import.ts", 'import { openArchive } from "../archives";'],
    ["lib/import/plan/plan.ts", 'import { digestOf } from "../../oci/digest";'],
    ["lib/site/site.ts", 'import { parseLock } from "../lock";'],
    ["lib/archives/formats/oc-mirror/names.ts", 'import { digestOf } from "../../../oci/digest";'],
    ["dynamic-providers/entry.ts", 'import { planImport } from "../lib/import";'],
    ["components/image-content.ts", 'import { mirrorRules } from "../lib/openshift";'],
    ["cli/main.ts", 'import { openArchive } from "../lib/archives";'],
];

/** Connections whose verification the environment could switch off. */
const UNVERIFIED: readonly (readonly [file: string, line: string])[] = [
    ["lib/registries/ping.ts", 'import { request } from "undici";'],
    ["lib/import/plan/plan.ts", 'import { request } from "node:https";'],
    ["cli/main.ts", 'import { connect } from "node:tls";'],
    ["dynamic-providers/entry.ts", 'import { connect } from "node:http2";'],
    ["config/load.ts", 'void fetch("https://registry.example");'],
    ["tools/get-tools.mjs", 'import { get } from "https";'],
    ["tools/get-tools.mjs", 'await fetch("https://registry.example");'],
    ["tools/get-tools.mjs", 'await import("node:tls");'],
];
const VERIFIED: readonly (readonly [file: string, line: string])[] = [
    ["lib/distribution/http/transport.ts", 'import { request } from "undici";'],
    ["lib/registries/certificate-expiry.ts", 'import { connect } from "node:tls";'],
    ["tools/download.mjs", 'import { request } from "node:https";'],
    ["dynamic-providers/lifecycle/engine.ts", 'import * as net from "node:net";'],
];

/** Parsers that untrusted text could make take any amount of memory. */
const UNBOUNDED: readonly (readonly [file: string, line: string])[] = [
    ["lib/archives/formats/oc-mirror/releases.ts", "const read = JSON.parse;"],
    ["lib/registries/ping.ts", 'JSON.parse("{}");'],
    ["cli/accounts/auth-file.ts", "const { parse } = JSON;"],
    ["lib/archives/formats/oc-mirror/image-set.ts", 'import { parse } from "yaml";'],
    ["cli/stack/stack-file.ts", 'import * as yaml from "yaml";'],
    ["config/load.ts", 'import { parseAllDocuments } from "yaml";'],
];
const BOUNDED: readonly (readonly [file: string, line: string])[] = [
    ["lib/oci/bounded-json.ts", 'JSON.parse("{}");'],
    ["lib/oci/bounded-yaml.ts", 'import { parse } from "yaml";'],
    ["lib/openshift/targets/target.ts", 'import { stringify } from "yaml";'],
];

/** State that operations of one provider process would share unseen. */
const STATE = ["let current = 1;", "export let current = 1;", "const known = new Map<string, number>();"].map(
    (line) => ["dynamic-providers/registry/connection.ts", line] as const,
);
const CONSTANTS = ['const NAMES = new Set(["a"]);', "const LIMIT = 5;"].map(
    (line) => ["dynamic-providers/registry/connection.ts", line] as const,
);

/** The rules that ESLint finds broken by each line, were it in that file. ESLint is an ES module: it gets a process. */
function verdicts(lines: readonly (readonly [file: string, line: string])[]): string[][] {
    const program = `
        import { ESLint } from "eslint";
        // These rules need no types, and a program of all types would take most of the time.
        const overrideConfig = { languageOptions: { parserOptions: { projectService: false } } };
        const eslint = new ESLint({ overrideConfig, ruleFilter: ({ ruleId }) => ruleId.includes("no-restricted-") });
        const results = [];
        for (const [file, line] of ${JSON.stringify(lines)}) {
            const [{ messages }] = await eslint.lintText(line + "\\n", { filePath: file });
            results.push(messages.map(({ ruleId }) => ruleId));
        }
        process.stdout.write(JSON.stringify(results));`;
    const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
        cwd: PROJECT,
        encoding: "utf8",
    });
    if (run.status !== 0) throw new Error(`${join(PROJECT, "eslint.config.mjs")}: ${run.stderr}`);
    return JSON.parse(run.stdout) as string[][];
}

test("imports that run against the direction of the house are refused", () => {
    const isCaught = (rules: string[]) => rules.includes("no-restricted-imports");
    expect(verdicts(FORBIDDEN).map(isCaught)).toEqual(FORBIDDEN.map(() => true));
});

test("only the files that always verify certificates may open TLS connections", () => {
    const isCaught = ([rule]: string[]) => rule === "no-restricted-syntax" || rule === "no-restricted-globals";
    expect(verdicts(UNVERIFIED).map(isCaught)).toEqual(UNVERIFIED.map(() => true));
    expect(verdicts(VERIFIED)).toEqual(VERIFIED.map(() => []));
});

test("only the readers with limits may parse JSON and YAML", () => {
    const isCaught = (rules: string[]) => rules.some((rule) => /no-restricted-(properties|imports)$/.test(rule));
    expect(verdicts(UNBOUNDED).map(isCaught)).toEqual(UNBOUNDED.map(() => true));
    expect(verdicts(BOUNDED)).toEqual(BOUNDED.map(() => []));
});

test("imports along it are not", () => {
    expect(verdicts(ALLOWED)).toEqual(ALLOWED.map(() => []));
});

test("no module of the providers holds state", () => {
    expect(verdicts(STATE)).toEqual(STATE.map(() => ["no-restricted-syntax"]));
    expect(verdicts(CONSTANTS)).toEqual(CONSTANTS.map(() => []));
});
