//! Table answers: the columns of each resource, and the cells of an object.
