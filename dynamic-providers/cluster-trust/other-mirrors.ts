import { listed } from "../../lib/errors/text";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { readMirrorObjects } from "../../lib/openshift/existing/read-mirror-objects";
import { isAt, listEntries } from "../../lib/openshift/rules/mirror-entries";
import { findPullEntry } from "../../lib/openshift/trust/pull-secret";
import { readPullSecret } from "../../lib/openshift/trust/write-pull-secret";

/** How many objects and mirrors the warning names. */
const MAX_NAMES = 3;

/** The registry whose account is replaced. */
interface ReplacedAccount {
    /** `registry.example:8443` */
    readonly host: string;
    /** `registry.example:8443/mirror`: what the new account may pull. */
    readonly mirrorBase: string;
}

/**
 * Mirror objects whose mirrors at the registry are pulled with the account that is about to be replaced.
 * @returns a sentence without its full stop; undefined: there are none, or the registry has no account yet
 * @throws ClusterError; PassthroughError `PULL_SECRET_INVALID`, `CLUSTER_OBJECT_INVALID`
 */
export async function otherMirrorsWarning(
    client: ClusterClient,
    { host, mirrorBase }: ReplacedAccount,
): Promise<string | undefined> {
    const { text } = await readPullSecret(client);
    if (findPullEntry(text, host) === undefined) return undefined;
    const entries = (await readMirrorObjects(client)).objects
        .flatMap(listEntries)
        .map(({ mirrors, object }) => ({
            object,
            mirrors: mirrors.filter((mirror) => isAt(mirror, host) && !isAt(mirror, mirrorBase)),
        }))
        .filter(({ mirrors }) => mirrors.length > 0);
    if (entries.length === 0) return undefined;
    const objects = [...new Set(entries.map(({ object }) => object))];
    const mirrors = [...new Set(entries.flatMap((entry) => entry.mirrors))];
    return (
        `${listed(objects, MAX_NAMES)} redirect to ${listed(mirrors, MAX_NAMES)}, which nodes pull with the account that is ` +
        "replaced: unless the new one may pull there too, these pulls fail (docs/how-to/migrate.md, The same registry, and its account)"
    );
}
