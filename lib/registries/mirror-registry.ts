import { FREE_SUPERUSER } from "./quay/openings";
import { QUAY_CAPABILITIES } from "./quay/quay";
import { quayAdmin } from "./quay/quay-admin";

/**
 * Red Hat's mirror-registry: 1.3 is Quay 3.8 on PostgreSQL, 2.x is Quay 3.12 on SQLite with one worker. What it has
 * more to say than Quay follows from the configuration that its installer writes.
 */
export const mirrorRegistry = quayAdmin({
    kind: "mirror-registry",
    // SQLite is locked while somebody writes.
    concurrency: 2,
    superuser: FREE_SUPERUSER,
    capabilities: {
        ...QUAY_CAPABILITIES,
        gaps: [
            ...QUAY_CAPABILITIES.gaps,
            "mirror-registry: CREATE_NAMESPACE_ON_PUSH is on, so that any user may make organizations by pushing; " +
                "give accounts to nobody but the robot accounts of this stack",
        ],
    },
});
