import type { ScriptedServer } from "./http-server";

/** A kubeconfig with one context, `lab`, as JSON (which is YAML). */
export function kubeconfigText(
    cluster: Readonly<Record<string, unknown>>,
    user: Readonly<Record<string, unknown>> | undefined,
): string {
    return JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
        clusters: [{ name: "api", cluster }],
        contexts: [{ name: "lab", context: { cluster: "api", ...(user && { user: "admin" }) } }],
        users: user === undefined ? [] : [{ name: "admin", user }],
    });
}

/** The cluster entry for a server of a test. */
export function clusterEntry(server: Pick<ScriptedServer, "origin">, ca: string): Record<string, unknown> {
    return { server: server.origin, "certificate-authority-data": base64(ca) };
}

export function base64(text: string): string {
    return Buffer.from(text).toString("base64");
}

/** @throws Error if the kubeconfig (YAML) has no token */
export function readToken(kubeconfig: string): string {
    const token = /token: (\S+)/.exec(kubeconfig)?.[1];
    if (token === undefined) throw new Error("the kubeconfig has no token");
    return token;
}
