//! Admission: the plugins that change or refuse a write after authorization.
