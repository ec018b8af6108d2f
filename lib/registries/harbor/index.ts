import type { RegistryAdmin } from "../registry-admin";
import { HarborClient } from "./client";
import { HarborContent } from "./content";
import { checkHarbor } from "./health";
import { HarborProjects } from "./projects";
import { HarborRobots } from "./robots";

/** Harbor 2.8 or newer: a project, robot accounts of that project, credentials in the clear only over TLS. */
export const harbor: RegistryAdmin = {
    kind: "harbor",
    capabilities: {
        robotAccounts: true,
        separatesPushFromPull: true,
        namespaces: "project",
        repositoriesFirst: false,
        mayNeedRepositories: false,
        removalNeedsRight: true,
        robotExpiry: true,
        secretReadable: false,
        // Harbor, src/lib/config/metadata/metadatalist.go: tokens are not looked up again.
        secretRenewal: { tokenLife: "30 minutes (Harbor's token_expiration)" },
        quota: true,
        immutability: true,
        sparseIndexes: "refused",
        collectsUntagged: true,
        gaps: [
            "Harbor's tokens outlive what they were given for: a robot account that was removed, disabled or rotated may " +
                "push and pull until its token ends (30 minutes unless token_expiration says otherwise); lower that to shorten it",
        ],
    },
    check: checkHarbor,
    manage: (account) => {
        const client = new HarborClient(account);
        const namespaces = new HarborProjects(client);
        const robots = new HarborRobots(client, namespaces);
        return { namespaces, robots, content: new HarborContent(client), close: () => client.close() };
    },
};
