import { readIgnitionFile } from "../../lib/openshift/rollout/ignition-file";
import type { MachineConfig } from "../../lib/openshift/rollout/rollout-objects";
import { REGISTRIES_CONF } from "../../lib/openshift/rollout/rules-rollout";
import { resolvePull } from "../../lib/openshift/rules/resolve";
import { parseRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import type { RegistriesConf } from "../../lib/openshift/rules/registries-conf";
import { parseReference } from "../../lib/oci/reference";
import type { ApiClient } from "./cluster/api-client";

const MACHINE_CONFIG = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfig" };
const CURRENT = "machineconfiguration.openshift.io/currentConfig";

/** A pull that worked before, and does not any more. */
export interface LostPull {
    readonly node: string;
    readonly reference: string;
    /** Where the node asked, or why it asked nobody. */
    readonly asked: readonly string[];
}

/**
 * Which images every node of a cluster can pull: by the registries.conf that the node has at this moment, and by what the
 * mirrors and upstreams hold at this moment.
 */
export class PullLedger {
    /** `host/path:tag` and `host/path@sha256:…` that a registry serves to nodes. */
    readonly held = new Set<string>();
    /** Every pull that was ever lost. */
    readonly lost: LostPull[] = [];
    /** How often nodes were looked at. */
    looks = 0;
    private readonly confs = new Map<string, RegistriesConf>();
    private readonly worked = new Set<string>();

    /** @param references that pods name */
    constructor(
        private readonly admin: ApiClient,
        readonly references: readonly string[],
    ) {}

    /** From now on those count that work now. */
    async restart(): Promise<void> {
        this.worked.clear();
        await this.look();
    }

    /** References that every node can pull now. */
    async pullable(): Promise<string[]> {
        const confs = await this.nodes();
        return this.references.filter((reference) => confs.every(([, conf]) => this.serves(conf, reference)));
    }

    /** Looks at every node: what has worked on all of them once must work on each. */
    async look(): Promise<void> {
        this.looks++;
        const confs = await this.nodes();
        for (const reference of this.references) {
            const failing = confs.filter(([, conf]) => !this.serves(conf, reference));
            if (failing.length === 0) this.worked.add(reference);
            if (!this.worked.has(reference)) continue;
            this.lost.push(...failing.map(([node, conf]) => ({ node, reference, asked: this.asked(conf, reference) })));
        }
    }

    private serves(conf: RegistriesConf, reference: string): boolean {
        return this.asked(conf, reference).some((place) => this.held.has(place));
    }

    private asked(conf: RegistriesConf, reference: string): string[] {
        const { attempts, failure } = resolvePull(conf, parseReference(reference));
        return failure === undefined ? attempts.map((attempt) => attempt.reference) : [failure];
    }

    private async nodes(): Promise<[node: string, conf: RegistriesConf][]> {
        const nodes = await this.admin.list({ apiVersion: "v1", kind: "Node" });
        return Promise.all(
            nodes.map(async ({ metadata: { name, annotations } }) => [
                name,
                await this.conf(annotations?.[CURRENT] ?? ""),
            ]),
        );
    }

    /** The hash in its name makes a rendered configuration immutable. */
    private async conf(name: string): Promise<RegistriesConf> {
        const known = this.confs.get(name);
        if (known !== undefined) return known;
        const config = await this.admin.get<MachineConfig>({ ...MACHINE_CONFIG, metadata: { name } });
        const text = config && readIgnitionFile(config, REGISTRIES_CONF);
        const conf = text === undefined ? {} : parseRegistriesConf(text, name);
        this.confs.set(name, conf);
        return conf;
    }
}
