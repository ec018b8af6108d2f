import { renderTargets } from "../../../lib/openshift";
import type { contentRules } from "../../../lib/openshift";

/** Where containerd expects what is rendered for it. */
const INSTALLED = "/etc/containerd/certs.d";

/**
 * The files of the target containerd, for a folder of a test in place of the usual one.
 * @param registry the mirror, over TLS, and the CA of its certificate (PEM)
 * @returns path below that folder -> content
 */
export function containerdHosts(
    { objects, registriesConf }: ReturnType<typeof contentRules>,
    registry: { readonly host: string; readonly ca: string },
    folder: string,
): Record<string, string> {
    const server = { registryHost: registry.host, plainHttp: false, ca: registry.ca };
    const target = { objects, registriesConf, ...server, releases: [], signatures: [] };
    const { files } = renderTargets(["containerd"], target);
    const below = "containerd/certs.d/";
    return Object.fromEntries(
        Object.entries(files).map(([path, text]) => [path.replace(below, ""), text.replaceAll(INSTALLED, folder)]),
    );
}
