import type { NameSource } from "../../mirror/name-source";
import type { Reference } from "../../oci/reference";

/** Where a name comes from, without what the archive calls the image. */
export type Origin = Omit<NameSource, "name">;

/** The same for each name of an image. */
export type NameOrigins = (reference: Reference) => Origin;
