/** Where the image of an import is, below the mirror base. */
export const IMPORTER_REPOSITORY = "registry-passthrough/importer";
