import { parseBoundedJson } from "../../oci/bounded-json";
import { createHash } from "node:crypto";
import { PassthroughError, errorMessage } from "../../errors/errors";
import { type JsonMember, type JsonObjectSpan, objectSpan, skipSpace } from "./json-members";

/** An account in a pull secret. */
export interface PullAccount {
    readonly username: string;
    readonly password: string;
}

/** The entry of an account, as `podman login` writes it (containers-auth.json(5)). */
export function pullEntry({ username, password }: PullAccount): string {
    return JSON.stringify({ auth: Buffer.from(`${username}:${password}`, "utf8").toString("base64") });
}

/** SHA-256 of an entry's content, hexadecimal: the same whatever spacing and order of keys the entry is written with. */
export function entryHash(entry: string): string {
    return createHash("sha256")
        .update(canonicalJson(parseBoundedJson(entry)))
        .digest("hex");
}

function canonicalJson(value: unknown): string {
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}

/**
 * The text of the entry for a registry.
 * @param text `.dockerconfigjson`
 * @param key `registry.example:8443`
 * @returns undefined if there is none
 * @throws PassthroughError `PULL_SECRET_INVALID`
 */
export function findPullEntry(text: string, key: string): string | undefined {
    const entry = findEntry(readAuths(text).entries, key);
    return entry && text.slice(entry.valueStart, entry.end);
}

/**
 * Keys of entries for parts of the registry: container runtimes take the most specific one (containers-auth.json(5)), so
 * they are used in place of the registry's own.
 * @throws PassthroughError `PULL_SECRET_INVALID`
 */
export function narrowerEntries(text: string, key: string): string[] {
    const names = readAuths(text).entries?.members.map(({ name }) => name) ?? [];
    return names.filter((name) => name.startsWith(`${key}/`));
}

/**
 * The pull secret with this entry for a registry, in place of the one that it has. Every other byte stays.
 * @param entry JSON
 * @throws PassthroughError `PULL_SECRET_INVALID`: a document that cannot be understood is never written
 */
export function setPullEntry(text: string, key: string, entry: string): string {
    const { document, entries } = readAuths(text);
    const existing = findEntry(entries, key);
    if (existing !== undefined) return splice(text, existing.valueStart, existing.end, entry);
    const member = `${JSON.stringify(key)}:${entry}`;
    return entries === undefined
        ? insertMember(text, document, `"auths":{${member}}`)
        : insertMember(text, entries, member);
}

/**
 * The pull secret without the entry for a registry. Every other byte stays; undoes what `setPullEntry` has added.
 * @throws PassthroughError `PULL_SECRET_INVALID`
 */
export function removePullEntry(text: string, key: string): string {
    const { entries } = readAuths(text);
    const existing = findEntry(entries, key);
    if (entries === undefined || existing === undefined) return text;
    const index = entries.members.indexOf(existing);
    const [before, after] = [entries.members[index - 1], entries.members[index + 1]];
    if (after !== undefined) return splice(text, existing.start, after.start, "");
    return splice(text, before?.end ?? existing.start, existing.end, "");
}

interface Auths {
    readonly document: JsonObjectSpan;
    /** Absent: the document has no `auths`. */
    readonly entries: JsonObjectSpan | undefined;
}

function readAuths(text: string): Auths {
    checkJson(text);
    const document = objectSpan(text, skipSpace(text, 0));
    if (document === undefined) throw invalidSecret("it is not a JSON object");
    const found = document.members.filter(({ name }) => name === "auths");
    if (found.length > 1) throw invalidSecret("it has `auths` twice");
    const [auths] = found;
    if (auths === undefined) return { document, entries: undefined };
    const entries = objectSpan(text, auths.valueStart);
    if (entries === undefined) throw invalidSecret("its `auths` is not a JSON object");
    return { document, entries };
}

function findEntry(entries: JsonObjectSpan | undefined, key: string): JsonMember | undefined {
    const found = entries?.members.filter(({ name }) => name === key) ?? [];
    if (found.length > 1) throw invalidSecret(`it has ${JSON.stringify(key)} twice`);
    return found[0];
}

/** The parser's message quotes the text, which is secret. */
function checkJson(text: string): void {
    try {
        parseBoundedJson(text);
    } catch (error) {
        const position = /position \d+/.exec(errorMessage(error))?.[0];
        throw invalidSecret(position === undefined ? "it is not JSON" : `it is not JSON, at ${position}`);
    }
}

function invalidSecret(problem: string): PassthroughError {
    return new PassthroughError(`${problem}, so no entry can be added without a risk for the others`, {
        code: "PULL_SECRET_INVALID",
        thing: "Secret openshift-config/pull-secret, .dockerconfigjson",
        fix: "correct it as the OpenShift documentation describes under “Updating the global cluster pull secret”",
    });
}

/** After the last member, with the white space that stands before the first one. */
function insertMember(text: string, object: JsonObjectSpan, member: string): string {
    const first = object.members[0];
    const last = object.members.at(-1);
    if (first === undefined || last === undefined) return splice(text, object.start + 1, object.start + 1, member);
    const space = text.slice(object.start + 1, first.start);
    return splice(text, last.end, last.end, `,${space}${member}`);
}

function splice(text: string, from: number, to: number, replacement: string): string {
    return text.slice(0, from) + replacement + text.slice(to);
}
