import type { Credentials } from "../../../lib/http/credentials";
import type { RegistryEndpoint } from "../../../lib/distribution/http/transport";

/** A registry of the type `distribution`, as a test of this program sees it. */
export interface RegistryTarget {
    readonly endpoint: RegistryEndpoint;
    /** May push, pull and delete. */
    readonly account: Credentials;
    /** Where the test may put images: `host/path`. */
    readonly mirrorBase: string;
    stop(): Promise<void>;
}
