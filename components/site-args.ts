import type * as pulumi from "@pulumi/pulumi";
import type { RegistryConnectionArgs } from "../dynamic-providers/registry/registry-kind";
import type { Credentials } from "../lib/http/credentials";
import type { OnRemove } from "../lib/mirror/on-remove";
import type { NetworkAccess } from "../lib/openshift";
import type { BucketAccount } from "../lib/openshift/deployed-registry";
import type { AdminCredentials } from "../lib/registries";
import type {
    ClusterDeployment,
    ConnectionSecrets,
    Content,
    HostDeployment,
    HostLogin,
    InstallerDeployment,
    SiteCertificate,
    SiteCluster,
} from "../lib/site";
import type { SignaturePolicy } from "../lib/signatures";
import type { RobotLifetimes } from "./robot-access";

/** A site. What decides which resources there are is plain; everything else may be an output of the program. */
export interface PassthroughSiteArgs {
    /** The registry, which the same program may create. `retrySeconds` defaults to 60. */
    readonly registry: Omit<RegistryConnectionArgs, "retrySeconds"> & Partial<RegistryConnectionArgs>;
    /** How the registry's certificate comes about, which outputs have then; default: it is no part of the site. */
    readonly certificate?: SiteCertificate | undefined;
    /** Secret: private key of `certificate.chain`, PEM. */
    readonly certificateKey?: pulumi.Input<string> | undefined;
    /** Secret: key for `certificate.acme.keyId`. */
    readonly acmeMacKey?: pulumi.Input<string> | undefined;
    /** Image sets in the order they were created, as `readSite` or `readContent` read them. */
    readonly content: readonly Content[];
    /** The clusters that pull; default: one of the newest version, that may pull from upstream what the mirror lacks. */
    readonly clusters?: readonly SiteCluster[] | undefined;
    /** Secret: by the name of a cluster that is written to, the text of its kubeconfig, which names no files. */
    readonly kubeconfigs?: Readonly<Record<string, pulumi.Input<string>>> | undefined;
    /** Who may reach the registry, for files for firewalls; default: no such files. */
    readonly networkAccess?: NetworkAccess | undefined;
    /** Hosts that content may come from; those without content are named in a note. */
    readonly upstreams?: readonly string[] | undefined;
    /** Who must have signed images; default: nobody. */
    readonly signatures?: readonly SignaturePolicy[] | undefined;
    /** Secret: what connections to the registry need beside an account, as the key of a client certificate. */
    readonly connectionSecrets?: pulumi.Input<ConnectionSecrets> | undefined;
    /** Has the program run the registry in one of `clusters` or on a host, with `certificate`; it makes both accounts then. */
    readonly deployment?: ClusterDeployment | HostDeployment | undefined;
    /** Secret: the account of the bucket that `deployment` has its content in. */
    readonly storageAccount?: pulumi.Input<BucketAccount> | undefined;
    /** Has the registry's own installer set it up on a host, with `certificate`; the program makes its administrator then. */
    readonly installation?: InstallerDeployment | undefined;
    /** Secret: what the user of the host of `deployment` or `installation` logs in with. */
    readonly hostLogin?: pulumi.Input<HostLogin> | undefined;
    /** Secret: pushes images. Required where the registry has no robot accounts. */
    readonly importer?: pulumi.Input<Credentials> | undefined;
    /** Secret: what clusters pull with, and what the validation uses. Default: `importer`. */
    readonly puller?: pulumi.Input<Credentials> | undefined;
    /** Secret: creates the robot accounts. Required where the registry has some, and is not installed by the program. */
    readonly admin?: pulumi.Input<AdminCredentials> | undefined;
    /** Secret: registers the superuser's name that the registry (mirror-registry) leaves free. */
    readonly superuserPassword?: pulumi.Input<string> | undefined;
    /** Lifetimes of the robot accounts; default: 30 days, 90 days and an overlap of 7. */
    readonly robots?: RobotLifetimes | undefined;
    /** Whether a project or organization that already exists may be taken over; default: false. */
    readonly adopt?: pulumi.Input<boolean> | undefined;
    /** Storage quota of the project in bytes (Harbor); default: the registry's own. */
    readonly quota?: pulumi.Input<number> | undefined;
    /** What happens to images that no set lists any more; default: `keep`. */
    readonly onRemove?: OnRemove | undefined;
    /** Blobs uploaded at the same time; default: 6. */
    readonly concurrency?: pulumi.Input<number> | undefined;
    /** Images that each validation reads byte for byte; default: 3. */
    readonly wholeImages?: pulumi.Input<number> | undefined;
}
