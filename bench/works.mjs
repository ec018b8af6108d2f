import { clusterPreview } from "./works/cluster-preview.mjs";
import { delta } from "./works/delta.mjs";
import { lines } from "./works/lines.mjs";
import { lockAndPreview } from "./works/lock-and-preview.mjs";
import { many } from "./works/many.mjs";
import { nothingToDo } from "./works/nothing-to-do.mjs";
import { forms, race } from "./works/transfer.mjs";

/**
 * What is measured, by its letter.
 *
 * @type {Record<string, {title: string, run: (context: import("./toolbox.mjs").BenchContext) => Promise<import("./rounds.mjs").Series[]>}>}
 */
export const works = {
    A: { title: "one image, one layer of 2 GiB", run: (context) => race("A", context) },
    B: {
        title: "40 images, 4 shared bases of 128 MiB, 32 MiB each of their own",
        run: (context) => race("B", context),
    },
    C: { title: "2,000 blobs of 512 KiB in 200 images", run: (context) => race("C", context) },
    D: { title: "B from one tar: as oci-archive and as oc-mirror's archive", run: forms },
    E: { title: "nothing to do, 1,000 images", run: nothingToDo },
    F: {
        title: "lock of 10 GB in 100,000 entries; preview of a lock of 10,000 images",
        run: lockAndPreview,
    },
    G: { title: "the next release of 100 images, 5 of them changed", run: delta },
    H: {
        title: "160 blobs in 80 images (40 in 20 on the thin line) over lines, and to registries that take few requests",
        run: lines,
    },
    I: { title: "10,000 images in 20 sets, 60,000 blobs; 20 sites", run: many },
    K: {
        title: "preview with a cluster: rules, CA and account, 20 catalog objects, 21 images looked up",
        run: clusterPreview,
    },
};
