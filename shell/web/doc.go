// Package web shows the gateway's status over HTTP to browsers and monitoring systems: the XML status feed of AsyncOS at
// /xml/status, metrics for Prometheus at /metrics, the health at /healthz, and what the admin socket answers, read only,
// below /api/. It shows and orders nothing. None of the first three waits for a projection or looks at more than a bounded
// part of it, so that their cost does not follow the queue.
package web
