import { imageTask } from "../../lib/import";
import { type Site, allImages } from "../../lib/site";
import { print } from "../terminal/output";
import { type StackSelection, readStackSite, stackName } from "../stack/stack-file";

/** The repositories at the registry that a site's images go to, sorted. */
export function siteRepositories({ content, registry }: Site): string[] {
    const tasks = Object.entries(allImages(content)).map(([source, digest]) =>
        imageTask(registry.mirror, source, digest),
    );
    return [...new Set(tasks.map(({ repository }) => repository))].sort();
}

/** Prints the repositories that a stack's images go to, without network: one a line, for a loop that creates them. */
export function printRepositories(selection: StackSelection, asJson: boolean): void {
    const repositories = siteRepositories(readStackSite(selection));
    if (asJson) print(JSON.stringify({ stack: stackName(selection), repositories }));
    else for (const repository of repositories) print(repository);
}
