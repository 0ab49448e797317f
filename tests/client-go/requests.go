package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
)

// requests counts what an informer asked for and in which form it was answered, so that nobody takes a fallback for
// the real thing.
type requests struct {
	Lists         atomic.Int64
	StreamedLists atomic.Int64
	Watches       atomic.Int64
	JSON          atomic.Int64
	Protobuf      atomic.Int64
}

// MarshalJSON gives the counts under the names that the report has.
func (r *requests) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]int64{
		"lists":          r.Lists.Load(),
		"streamed_lists": r.StreamedLists.Load(),
		"watches":        r.Watches.Load(),
		"json":           r.JSON.Load(),
		"protobuf":       r.Protobuf.Load(),
	})
}

// count wraps a transport.
func (r *requests) count(next http.RoundTripper) http.RoundTripper {
	return transport(func(request *http.Request) (*http.Response, error) {
		query := request.URL.Query()
		switch {
		case query.Get("sendInitialEvents") == "true":
			r.StreamedLists.Add(1)
		case query.Get("watch") == "true":
			r.Watches.Add(1)
		default:
			r.Lists.Add(1)
		}
		answer, err := next.RoundTrip(request)
		if err == nil {
			if strings.Contains(answer.Header.Get("Content-Type"), "protobuf") {
				r.Protobuf.Add(1)
			} else {
				r.JSON.Add(1)
			}
		}
		return answer, err
	})
}

// transport is a function as an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	return t(request)
}
