import type { Credentials } from "../../lib/http/credentials";
import { requireSafeEnvironment } from "../../lib/distribution/http/tls-environment";
import type { ListedTags, Room } from "../../lib/registries";
import { isSameMirrorBase } from "../../lib/mirror/mirror-reference";
import type { OnRemove } from "../../lib/mirror/on-remove";
import type { ClusterClient } from "../../lib/kubernetes/cluster-client";
import { type ConnectOptions, connectCluster } from "../../lib/kubernetes/connect";
import type { Clock } from "../../lib/openshift/rollout/wait-for-nodes";
import { ClusterSettings } from "../cluster/cluster-settings";
import { SYSTEM_CLOCK } from "../../lib/openshift/rollout/system-clock";
import { Engine } from "../lifecycle/engine";
import { Operations } from "../lifecycle/operations";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { OperationContext, ProviderProcess, ReadConfig } from "../lifecycle/provider-process";
import type { CommonInputs, CommonOutputs } from "../lifecycle/resource-kind";
import type { ResourceProvider } from "../lifecycle/resource-provider";
import { DeclaredSets } from "./declared-sets";
import { OwnChanges } from "./own-changes";
import { PreviewFindings } from "./preview-findings";
import { RenewedLogins } from "./renewed-logins";
import type { RegistryInputs } from "./registry-kind";
import { SharedLookups } from "./shared-lookups";
import { StackSettings } from "./stack-settings";

export interface ProcessOptions {
    /**
     * The stack's configuration is that of this program, and describes the one site that it has; another program passes all
     * of it as inputs.
     */
    readonly followsConfiguration: boolean;
    /** Default: that of `lib/kubernetes`. */
    readonly connectCluster?: (options: ConnectOptions) => Promise<ClusterClient>;
    /** Default: time as it is. */
    readonly clock?: Clock;
    /** Default: none. */
    readonly findings?: PreviewFindings;
}

/** What the resources of this package share in one provider process. */
export class RegistryProcess implements ProviderProcess {
    readonly engine = Engine.ofProcess();
    readonly operations = new Operations(this.engine);
    readonly lookups = new SharedLookups();
    /** What the preview has found, of the command whose update this process runs; or for that update, in the preview. */
    readonly findings: PreviewFindings;
    readonly declaredSets = new DeclaredSets();
    /**
     * By URN, the generations of robot accounts that a check has decided on: the engine checks a replacement a second time,
     * without the old inputs.
     */
    readonly generations = new Map<string, number>();
    /**
     * By `mirrorBase`, registries whose puller a check has found about to get another secret in place, while its present one
     * is valid: a cluster that could not be given the other one is better found before that.
     */
    readonly pullerRenewals = new Set<string>();
    /** URNs of robot accounts of which a refresh has said that they are due for replacement soon: a preview need not. */
    readonly announcedRotations = new Set<string>();
    /**
     * By `mirrorBase`, what removes the repositories that no image needs any more and that are empty. An update of the
     * repositories, which comes before those of the images, leaves it here for whatever removes images afterwards.
     */
    readonly emptiedRepositories = new Map<string, () => Promise<void>>();
    /** By `mirrorBase`: projects and organizations that were found to have rules for immutable tags. */
    readonly immutableTags = new Set<string>();
    /** By `mirrorBase`: what quotas of projects and organizations left when they were read last. */
    readonly rooms = new Map<string, Room>();
    /**
     * By URN of a project or organization, the `mirrorBase` that it moves from: the engine checks a replacement a second time,
     * without the old inputs.
     */
    readonly formerRegistries = new Map<string, string>();
    /**
     * By `mirrorBase`: registries of the program's own that a refresh has found broken, until an update has mended them. In a
     * run with the program that update comes before the refresh of what is in the registry, which then looks again.
     */
    readonly brokenRegistries = new Set<string>();
    /** By `mirrorBase`: of registries that are installed on a host, the file with their administrator's password, for errors. */
    readonly passwordFiles = new Map<string, string>();
    /** By `mirrorBase`: projects and organizations that a new stack found, and that hold something. */
    readonly adoptedNamespaces = new Set<string>();
    /**
     * By `mirrorBase`, what lists the tags of repositories by pages, with the account that the project or organization was
     * refreshed with.
     */
    readonly listings = new Map<string, TagListing>();
    /**
     * Ids of image sets of which this process has not asked for each image: a refresh found them in such lists, which say
     * nothing about blobs, or its preview has found them just before.
     */
    readonly unaskedSets = new Set<string>();
    /** By the id of an image set, what imports images of it again. A check of the set leaves it here for the validation. */
    readonly reimports = new Map<string, Reimport>();
    /**
     * By `mirrorBase`, the puller's account as its refresh found it: the refresh of images asks with it what the validation
     * has to ask with it anyway.
     */
    readonly pullers = new Map<string, Credentials>();
    /** Accounts whose secret an operation of this process has changed: a refresh later in the same run reads the old one. */
    readonly renewedLogins = new RenewedLogins();
    /**
     * By `mirrorBase`, user names of robot accounts that an operation of this process has created: a refresh that comes later
     * in the same run knows only those before them, and must not report them as strangers.
     */
    readonly createdRobots = new Map<string, readonly string[]>();
    /**
     * By `mirrorBase`, sources of images that an operation of this process has pushed or removed: a refresh that comes
     * later in the same run looks for what state still has, and must not report that as damage.
     */
    readonly ownChanges = new OwnChanges();
    readonly clock: Clock;
    /** By URN, the `mirrorBase` that a resource was checked with. */
    private readonly checkedRegistries = new Map<string, string>();
    private current = StackSettings.UNKNOWN;
    private currentClusters = ClusterSettings.UNKNOWN;

    constructor(private readonly options: ProcessOptions) {
        this.clock = options.clock ?? SYSTEM_CLOCK;
        this.findings = options.findings ?? PreviewFindings.NONE;
    }

    get settings(): StackSettings {
        return this.current;
    }

    get clusters(): ClusterSettings {
        return this.currentClusters;
    }

    configure(read: ReadConfig): void {
        if (!this.options.followsConfiguration) return;
        this.current = StackSettings.read(read);
        this.currentClusters = ClusterSettings.read(read);
    }

    noteInputs({ selfUrn, registry }: Readonly<Record<string, unknown>>): void {
        const { mirrorBase } = (registry ?? {}) as { readonly mirrorBase?: unknown };
        if (typeof selfUrn !== "string" || typeof mirrorBase !== "string" || hasUnknown(registry)) return;
        this.checkedRegistries.set(selfUrn, mirrorBase);
    }

    /**
     * True if the site has another registry now than this resource: by the configuration, and, since another program has
     * none that could be read, by what takes the place of the resource in this run.
     */
    hasMoved({ selfUrn, registry }: MovableResource): boolean {
        const checked = this.checkedRegistries.get(selfUrn);
        const isReplaced = checked !== undefined && !isSameMirrorBase(checked, registry.mirrorBase);
        return isReplaced || this.settings.hasMoved(registry);
    }

    /**
     * What becomes of a resource's content when it is removed: today's rule, else that of its state. At a registry that the
     * site has left everything stays.
     */
    removalRule(resource: MovableResource & { readonly onRemove?: OnRemove | undefined }): OnRemove {
        return this.hasMoved(resource) ? "keep" : this.settings.removalRule(resource);
    }

    /** Opens the API of a cluster. */
    async connectCluster(options: ConnectOptions): Promise<ClusterClient> {
        return (this.options.connectCluster ?? connectCluster)(options);
    }

    /** The program, which checks the environment too, does not run in every refresh and destroy. */
    requireSafety(): void {
        requireSafeEnvironment();
    }

    secretTexts(): readonly string[] {
        return [...this.settings.secretTexts(), ...this.clusters.secretTexts()];
    }

    write<T>(operation: () => Promise<T>): Promise<T> {
        this.findings.forget();
        return this.lookups.invalidate(operation);
    }
}

/** What tells whether a resource is at a registry that the site has left. */
type MovableResource = Pick<RegistryInputs, "selfUrn" | "registry">;

/** @param wanted how many images are looked for, by repository below the namespace */
export type TagListing = (wanted: ReadonlyMap<string, number>, context: RegistryContext) => Promise<ListedTags>;

/** Imports the images with these source references again, those of them that the set has. */
export type Reimport = (sources: ReadonlySet<string>, context: RegistryContext) => Promise<void>;

export type RegistryContext = OperationContext<RegistryProcess>;
export type RegistryProvider<Inputs extends CommonInputs, Outputs extends Inputs & CommonOutputs> = ResourceProvider<
    Inputs,
    Outputs,
    RegistryProcess
>;
