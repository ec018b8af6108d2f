import {
    type Installation,
    type InstallationSecrets,
    applyInstallation,
    compareInstallation,
    removeInstallation,
} from "../../../lib/installers";
import { onHost } from "../../../lib/ssh";
import type { SshServer } from "../ssh-server";
import { InstallerHost } from "./installer-host";

/** A registry on a host of its own, for the tests of a file: a new host for each of them. */
export interface InstalledSite {
    readonly host: InstallerHost;
    readonly server: SshServer;
    /** As the state of the stack has them; undefined: there is none, or it was lost. */
    secrets: InstallationSecrets | undefined;
    readonly installation: (changes?: Partial<Installation>) => Installation;
    /** As the resource does it: secrets of a run that fails after they were made are kept, too. */
    readonly apply: (wanted?: Installation, settle?: () => Promise<void>) => Promise<void>;
    /** What differs, as a refresh says it. */
    readonly texts: (wanted?: Installation) => Promise<string[]>;
    readonly remove: (removesContent: boolean) => Promise<void>;
}

/** @param what what the installations of these tests have in common, with ports as they are by default */
export function installedSite(what: Pick<Installation, "kind" | "httpPort" | "installer">): InstalledSite {
    let place: { host: InstallerHost; server: SshServer };
    beforeEach(async () => {
        place = await InstallerHost.start();
        site.secrets = undefined;
    });
    afterEach(async () => {
        await place.server.stop();
        place.host.remove();
    });
    const installation = (changes: Partial<Installation> = {}): Installation => ({
        owner: "mirror/site-a",
        directory: place.host.directory,
        host: "registry.site-a.test",
        port: 8443,
        chain: "first certificate\n",
        key: "first key\n",
        ...what,
        ...changes,
    });
    const site: InstalledSite = {
        get host() {
            return place.host;
        },
        get server() {
            return place.server;
        },
        secrets: undefined,
        installation,
        apply: (wanted = installation(), settle = () => Promise.resolve()) =>
            onHost(place.server.connection, (session) =>
                applyInstallation(session, wanted, {
                    now: Date.now(),
                    secrets: site.secrets,
                    settle,
                    onSecrets: (used) => {
                        site.secrets = used;
                    },
                }),
            ),
        texts: async (wanted = installation()) => {
            const compare = onHost(place.server.connection, (session) => compareInstallation(session, wanted));
            return (await compare).map(({ text }) => text);
        },
        remove: (removesContent) =>
            onHost(place.server.connection, (session) =>
                removeInstallation(session, installation(), {
                    removesContent,
                    secrets: site.secrets as InstallationSecrets,
                }),
            ),
    };
    return site;
}
