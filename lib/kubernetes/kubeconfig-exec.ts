import { type Fields, type KubeconfigProblem, isFields, textField } from "./kubeconfig-document";
import type { FileReader } from "./kubeconfig-files";

/** A plugin that prints credentials (client.authentication.k8s.io, kind ExecCredential). */
export interface ExecPlugin {
    readonly apiVersion: string;
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    /** Whether it gets the cluster's URL and CA. */
    readonly provideClusterInfo: boolean;
    readonly installHint?: string;
}

const EXEC_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/**
 * What is wrong with the `exec` of a user.
 * @param field of it: `users[admin].exec`
 */
export function execProblems(exec: Fields, field: string): KubeconfigProblem[] {
    const apiVersion = textField(exec, "apiVersion") ?? "";
    const problems: KubeconfigProblem[] = [];
    if (textField(exec, "command") === undefined) {
        problems.push({ field: `${field}.command`, problem: "it is not set", fix: "name the plugin's program" });
    }
    if (!EXEC_VERSIONS.includes(apiVersion)) {
        const fix = `set it to ${EXEC_VERSIONS.join(" or ")}; update the plugin if it has neither`;
        problems.push({ field: `${field}.apiVersion`, problem: "it is not a version that kubectl supports", fix });
    }
    if (exec["interactiveMode"] === "Always") {
        const problem = "the plugin asks questions on a terminal, and this program has none";
        problems.push({
            field: `${field}.interactiveMode`,
            problem,
            fix: "use an account that logs in without questions: a service account's token, or a client certificate",
        });
    }
    return [...problems, ...nulProblems(exec, field)];
}

/** No program can be given a NUL character: the error of Node.js would quote the argument, which may be a secret. */
function nulProblems(exec: Fields, field: string): KubeconfigProblem[] {
    const given = [
        [`${field}.command`, textField(exec, "command") ?? ""],
        ...listOf(exec["args"]).map((value, at) => [`${field}.args[${at}]`, String(value)] as const),
        ...environment(exec).map(
            ({ name, value }, at) => [`${field}.env[${at}]`, `${String(name)}${String(value ?? "")}`] as const,
        ),
    ] as const;
    return given
        .filter(([, text]) => text.includes("\0"))
        .map(([place]) => ({
            field: place,
            problem: "it has a NUL character, which no program can be given",
            fix: "write it without",
        }));
}

function listOf(value: unknown): unknown[] {
    return Array.isArray(value) ? (value as unknown[]) : [];
}

function environment(exec: Fields): Fields[] {
    return listOf(exec["env"]).filter(isFields);
}

export function toPlugin(exec: Fields, files: FileReader): ExecPlugin {
    const command = textField(exec, "command") ?? "";
    const installHint = textField(exec, "installHint");
    return {
        apiVersion: textField(exec, "apiVersion") ?? "",
        // Without a slash it is looked for on PATH.
        command: command.includes("/") ? files.absolute(command) : command,
        args: listOf(exec["args"]).map(String),
        env: Object.fromEntries(environment(exec).map(({ name, value }) => [String(name), String(value ?? "")])),
        provideClusterInfo: exec["provideClusterInfo"] === true,
        ...(installHint === undefined ? {} : { installHint }),
    };
}
