import { PassthroughError } from "../../lib/errors/errors";
import type { SiteCluster } from "../../lib/site";

/**
 * The cluster of a site that a command is about.
 * @param name of `--cluster`; undefined: the only one
 * @throws PassthroughError `CONFIG_INVALID` if the site does not have it, or has several and none is named
 */
export function selectCluster(clusters: readonly SiteCluster[], name: string | undefined): SiteCluster {
    const [only, ...others] = clusters;
    const found =
        name === undefined ? (others.length === 0 ? only : undefined) : clusters.find((one) => one.name === name);
    if (found !== undefined) return found;
    const names = clusters.map((cluster) => cluster.name).filter((known) => known !== "");
    const problem = name === undefined ? "the site has several clusters" : `the site has no cluster ${name}`;
    throw new PassthroughError(problem, {
        code: "CONFIG_INVALID",
        fix: names.length === 0 ? "leave --cluster out" : `name one with --cluster: ${names.join(", ")}`,
    });
}
