import type { RegistryAdmin } from "../registry-admin";
import { JFrogClient } from "./client";
import { checkJFrog } from "./health";
import { JFrogRepositories } from "./repositories";
import { JFrogRobots } from "./robots";
import { tokenUsername } from "./token-username";

/**
 * JFrog Artifactory 7.72 or newer: a local Docker repository by the repository path method, and access tokens with the rights
 * of a group. Written from JFrog's documentation: no real Artifactory was tried.
 */
export const jfrog: RegistryAdmin = {
    kind: "jfrog",
    capabilities: {
        robotAccounts: true,
        separatesPushFromPull: true,
        namespaces: "local repository",
        // JFrog Artifactory Documentation, "Repository Naming Rules and Limitations".
        namespaceRule: {
            pattern: /^(?!.*-cache$)[a-z0-9][a-z0-9.-]{1,62}$/,
            text: "2 to 63 lower-case letters, digits, . and -, not ending in -cache",
        },
        repositoriesFirst: false,
        mayNeedRepositories: false,
        // The right to move a tag is the right to delete.
        removalNeedsRight: false,
        robotExpiry: true,
        secretReadable: false,
        quota: false,
        immutability: false,
        // Not documented.
        sparseIndexes: "configured",
        collectsUntagged: false,
        gaps: [
            "Artifactory: this was written from JFrog's documentation and never tried with a real Artifactory: run `passthrough " +
                "doctor` and `passthrough selftest` before you rely on it",
            "Artifactory has one right for moving tags and for deleting (Delete/Overwrite): the importer has it, so keep its " +
                "secret to this stack",
            "Artifactory: rights that somebody gives to the group of a robot account in another permission are not seen",
        ],
    },
    tokenUsername,
    check: checkJFrog,
    manage: (account) => {
        const client = new JFrogClient(account);
        return {
            namespaces: new JFrogRepositories(client),
            robots: new JFrogRobots(client),
            close: () => client.close(),
        };
    },
};
