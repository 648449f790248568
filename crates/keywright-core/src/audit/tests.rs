//! Tests of the trail.
