import type { MirrorBase } from "../mirror/mirror-reference";
import {
    type ClusterFunction,
    type MirrorObject,
    type MirrorRuleOptions,
    type OldObjectStages,
    type Target,
    contentRules,
} from "../openshift";
import type { SignaturePolicy } from "../signatures";
import type { ObjectGroup } from "./object-groups";
import { type Content, allImages, allMarks, localRepositories } from "./content";
import type { PinRules } from "./pin-rules";

/** What decides the rules of a cluster that pulls from a site. */
export interface ClusterRules {
    /** `4.18.20` or `4.18`; absent: the newest. */
    readonly version?: string;
    /** Whether nodes may pull from the upstream what the mirror lacks. */
    readonly contactSource: "allow" | "never";
    /** Of the mirror objects; default: those of files. */
    readonly names?: MirrorRuleOptions["names"];
    /** What else pulls from the mirror. */
    readonly targets?: readonly Target[];
    /** What the program does there, for roles. */
    readonly roles?: readonly ClusterFunction[];
    /** Absent: nodes pull images when pods need them. */
    readonly pin?: PinRules;
}

/** A cluster that pulls from a site, or several with the same rules. */
export interface SiteCluster extends ClusterRules {
    /** "" for that of `site.cluster`. */
    readonly name: string;
    /** Absent: nothing is written to it. */
    readonly apply?: ClusterApply;
    /** Whether objects that exist in it may be taken over. */
    readonly adopt: boolean;
    /** Whether mirror rules and pull secret may be removed from it. */
    readonly allowRemoval: boolean;
    /** What becomes of mirror objects that were there before; absent: they stay as they are. */
    readonly oldRules?: OldObjectStages;
    /** Absent: the images that its objects name are looked up, and none may be missing. */
    readonly coverage?: ClusterCoverageRules;
    /** Absent: its nodes are waited for. */
    readonly rollout?: ClusterRolloutRules;
    /** True: it gets the signature policies of the site, once the mirror has what they ask for. */
    readonly signaturePolicies?: boolean;
    /** Absent: no pods are created that prove where nodes pull from. */
    readonly proof?: ClusterProofRules;
}

/** Whether, and how long, an `up` waits for the nodes of a cluster. */
export interface ClusterRolloutRules {
    /** False: not until they have the mirror rules. */
    readonly wait: boolean;
    /** Minutes that each wait takes at most. */
    readonly minutes?: number | undefined;
}

/** How it is proven that the nodes of a cluster pull through the mirror. */
export interface ClusterProofRules {
    /** Absent: PROBE_NAMESPACE. */
    readonly namespace?: string | undefined;
    /** Another text, and it is proven again. */
    readonly rerun?: string | undefined;
}

/** What is required of the images that a cluster's objects name. */
export interface ClusterCoverageRules {
    readonly check: boolean;
    /** Patterns over names of images that the mirror may lack. */
    readonly accept?: readonly string[] | undefined;
}

/** How the program connects to a cluster; without a file, with a secret of the stack. */
export interface ClusterApply {
    readonly kubeconfigFile?: string | undefined;
    readonly context?: string | undefined;
    /** Objects beside the mirror rules that it does not get. */
    readonly leaveOut?: readonly ObjectGroup[] | undefined;
}

/** What redirects a cluster's pulls to the mirror. */
export interface MirrorPolicy {
    readonly objects: readonly MirrorObject[];
    /** What a node generates from them, TOML. */
    readonly registriesConf: string;
    /** What people should know, as sentences. */
    readonly notes: readonly string[];
}

/** What a cluster pulls from a mirror. */
export interface MirroredContent {
    readonly content: readonly Content[];
    /** Hosts that were configured by name. Those without content are named in a note. */
    readonly upstreams?: readonly string[] | undefined;
    readonly cluster: ClusterRules;
    /** Who must have signed images; default: nobody. */
    readonly signatures?: readonly SignaturePolicy[] | undefined;
}

/**
 * The mirror rules for a site's content: only for hosts that have some.
 * @throws PassthroughError as `contentRules` does
 */
export function mirrorPolicy({ content, upstreams = [], cluster }: MirroredContent, mirror: MirrorBase): MirrorPolicy {
    const images = { images: allImages(content), marks: allMarks(content), local: localRepositories(content) };
    const { objects, registriesConf, sources, notes } = contentRules(mirror, images, cluster);
    const unused = upstreams.filter((host) => !sources.includes(host));
    const noRule = unused.length === 0 ? [] : [`no rule yet, since there is no content, for: ${unused.join(", ")}`];
    return { objects, registriesConf, notes: [...notes, ...noRule] };
}
