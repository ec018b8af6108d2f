import { relative } from "node:path";
import type { FolderTree } from "../files/folder-tree";
import { LeftOutNames, leftOutNotes } from "./left-out";

/** What is said of a folder: all in it that is not read. */
export class FolderNotes {
    readonly #tree: FolderTree;
    readonly #others = new LeftOutNames();
    readonly #empty = new LeftOutNames();
    readonly #folders = new LeftOutNames();

    /** @param others names of files that are no archives */
    constructor(tree: FolderTree, others: readonly string[]) {
        this.#tree = tree;
        for (const name of others) this.#others.add(name);
        for (const [folder, reason] of [...tree.passedOver].sort()) this.#folders.add(`${folder} (${reason})`);
    }

    /** How many archives have no images. */
    get empty(): number {
        return this.#empty.count;
    }

    /** An archive without an image in it. @param path absolute */
    addEmpty(path: string): void {
        this.#empty.add(relative(this.#tree.path, path));
    }

    sentences(): string[] {
        const { path } = this.#tree;
        return [
            ...leftOutNotes(path, this.#others, "file is no archive", "files are no archives"),
            ...leftOutNotes(path, this.#empty, "archive holds no images", "archives hold no images"),
            ...leftOutNotes(path, this.#folders, "folder is not looked into", "folders are not looked into"),
        ];
    }

    /** The same within the sentence that nothing was found. */
    text(): string {
        const all = [this.#empty, this.#folders, this.#others].filter(({ count }) => count > 0);
        return all.length === 0 ? "" : `, only ${all.map((names) => names.text()).join(", ")}`;
    }
}
