import { type Reference, parseReference } from "../../../oci/reference";

/** Where oc-mirror files the update graph that it builds itself (internal/pkg/release/const.go). */
export const GRAPH_IMAGE_CACHE_NAME = "openshift/graph-image:latest";

/** It has no upstream: it gets the name that container tools give to what was built locally. */
export const GRAPH_IMAGE: Reference = parseReference("localhost/openshift/graph-image:latest");
