import { type Fields, type KubeconfigProblem, isFields } from "./kubeconfig-document";

/** Headers of requests; one with several values is sent several times. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

interface ImpersonationReading {
    readonly headers: Headers;
    readonly problems: readonly KubeconfigProblem[];
}

/** A field of the kubeconfig and the header that it becomes. */
interface Impersonated {
    readonly header: string;
    readonly field: string;
    readonly value: unknown;
}

/**
 * Whom requests are made as (kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation). One that
 * cannot be sent is a problem, never left out: the request would have the rights of the account itself.
 * @param place of the user: `users[admin]`
 */
export function readImpersonation(fields: Fields, place: string): ImpersonationReading {
    const groups = listField(fields["as-groups"], `${place}.as-groups`);
    const extra = extraFields(fields["as-user-extra"], `${place}.as-user-extra`);
    const all = [
        ...single("Impersonate-User", `${place}.as`, fields["as"]),
        ...single("Impersonate-Uid", `${place}.as-uid`, fields["as-uid"]),
        ...groups.values.map((value) => ({ header: "Impersonate-Group", ...value })),
        ...extra.values,
    ];
    const problems = [...groups.problems, ...extra.problems, ...all.flatMap(valueProblems)];
    return { headers: problems.length > 0 ? {} : toHeaders(all), problems };
}

function single(header: string, field: string, value: unknown): Impersonated[] {
    return (value ?? "") === "" ? [] : [{ header, field, value }];
}

interface Values<T> {
    readonly values: readonly T[];
    readonly problems: readonly KubeconfigProblem[];
}

function listField(value: unknown, field: string): Values<Omit<Impersonated, "header">> {
    if ((value ?? undefined) === undefined) return { values: [], problems: [] };
    if (!Array.isArray(value)) return { values: [], problems: [notOf(field, "a list", "write a list of texts")] };
    return { values: value.map((one: unknown, at) => ({ field: `${field}[${at}]`, value: one })), problems: [] };
}

function extraFields(value: unknown, field: string): Values<Impersonated> {
    if ((value ?? undefined) === undefined) return { values: [], problems: [] };
    if (!isFields(value))
        return { values: [], problems: [notOf(field, "a mapping", "write a list of texts for each name")] };
    const read = Object.entries(value).map(([name, list]) => {
        // As in client-go: the name may have any character, a header may not.
        if (!isSendable(name)) return { values: [], problems: [controlProblem(`${field}, a name`)] };
        const header = `Impersonate-Extra-${encodeURIComponent(name).replace(/[()]/g, escapeCharacter)}`;
        const { values, problems } = listField(list, `${field}.${name}`);
        return { values: values.map((one) => ({ header, ...one })), problems };
    });
    return { values: read.flatMap(({ values }) => values), problems: read.flatMap(({ problems }) => problems) };
}

function escapeCharacter(character: string): string {
    return `%${character.charCodeAt(0).toString(16)}`;
}

function valueProblems({ field, value }: Impersonated): KubeconfigProblem[] {
    if (typeof value !== "string") return [notOf(field, "a text", "write it in quotes")];
    return isSendable(value) ? [] : [controlProblem(field)];
}

/** A line break would begin a header of its own. */
function isSendable(text: string): boolean {
    return !/[\p{Cc}\p{Cs}]/u.test(text);
}

function controlProblem(field: string): KubeconfigProblem {
    return {
        field,
        problem: "it has a line break or another control character",
        fix: "write it as the API server has it",
    };
}

function notOf(field: string, what: string, fix: string): KubeconfigProblem {
    return { field, problem: `it is not ${what}`, fix };
}

function toHeaders(all: readonly Impersonated[]): Headers {
    const headers: Record<string, string[]> = {};
    for (const { header, value } of all) (headers[header] ??= []).push(headerValue(String(value)));
    return Object.fromEntries(
        Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
    );
}

/** Node.js sends a character for each byte of a header; Kubernetes reads UTF-8. */
function headerValue(text: string): string {
    return Buffer.from(text, "utf8").toString("latin1");
}
