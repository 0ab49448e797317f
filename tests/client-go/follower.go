package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// lag is how long an informer may need for the last changes.
const lag = 60 * time.Second

// informerResult is what is reported of an informer.
type informerResult struct {
	Name      string    `json:"name"`
	Events    int       `json:"events"`
	Cached    int       `json:"cached"`
	Requests  *requests `json:"requests"`
	Complaint string    `json:"complaint,omitempty"`
}

// event is what a handler was told.
type event struct {
	kind            string
	resourceVersion string
	old             string
}

// follower is an informer and all that its handler was told since its first list.
type follower struct {
	name     string
	plural   string
	selects  func(version) bool
	informer cache.SharedIndexInformer
	list     func(context.Context) (map[string]string, error)
	requests *requests

	lock      sync.Mutex
	events    map[key][]event
	count     int
	complaint error
}

// startFollowers starts the informers and waits until their caches are filled.
func startFollowers(ctx context.Context, config *rest.Config, namespace string) ([]*follower, error) {
	all := func(version) bool { return true }
	left := func(v version) bool { return v.side == "left" }
	var followers []*follower
	for _, plan := range []struct {
		name     string
		plural   string
		selector string
		metadata bool
		selects  func(version) bool
	}{
		{"configmaps", "configmaps", "", false, all},
		{"configmaps on the left", "configmaps", sideLabel + "=left", false, left},
		{"pods", "pods", "", false, all},
		{"pods on the left", "pods", sideLabel + "=left", false, left},
		{"metadata of configmaps", "configmaps", "", true, all},
		{"metadata of pods on the left", "pods", sideLabel + "=left", true, left},
	} {
		f := &follower{name: plan.name, plural: plan.plural, selects: plan.selects, events: map[key][]event{}}
		f.requests = &requests{}
		counted := rest.CopyConfig(config)
		counted.Wrap(f.requests.count)
		tweak := func(options *metav1.ListOptions) { options.LabelSelector = plan.selector }
		var err error
		if plan.metadata {
			err = f.followMetadata(ctx, counted, namespace, tweak)
		} else {
			err = f.followTyped(ctx, counted, namespace, tweak)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", plan.name, err)
		}
		followers = append(followers, f)
	}
	return followers, nil
}

func (f *follower) followTyped(
	ctx context.Context, config *rest.Config, namespace string, tweak func(*metav1.ListOptions),
) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(
		client, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(tweak))
	options := metav1.ListOptions{}
	tweak(&options)
	if f.plural == "configmaps" {
		f.informer = factory.Core().V1().ConfigMaps().Informer()
		f.list = func(ctx context.Context) (map[string]string, error) {
			return listed(client.CoreV1().ConfigMaps(namespace).List(ctx, options))
		}
	} else {
		f.informer = factory.Core().V1().Pods().Informer()
		f.list = func(ctx context.Context) (map[string]string, error) {
			return listed(client.CoreV1().Pods(namespace).List(ctx, options))
		}
	}
	return f.start(ctx, factory.Start)
}

func (f *follower) followMetadata(
	ctx context.Context, config *rest.Config, namespace string, tweak func(*metav1.ListOptions),
) error {
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: f.plural}
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, namespace, tweak)
	options := metav1.ListOptions{}
	tweak(&options)
	f.informer = factory.ForResource(resource).Informer()
	f.list = func(ctx context.Context) (map[string]string, error) {
		return listed(client.Resource(resource).Namespace(namespace).List(ctx, options))
	}
	return f.start(ctx, factory.Start)
}

// start runs the informer and waits until its cache is filled and its handler was told of all that is in it.
func (f *follower) start(ctx context.Context, run func(<-chan struct{})) error {
	handler := cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, isInInitialList bool) {
			if !isInInitialList {
				f.note("add", object, nil)
			}
		},
		UpdateFunc: func(old, object any) { f.note("update", object, old) },
		DeleteFunc: func(object any) { f.note("delete", object, nil) },
	}
	registration, err := f.informer.AddEventHandler(handler)
	if err != nil {
		return err
	}
	run(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return errors.New("the cache was not filled in time")
	}
	return nil
}

func (f *follower) note(kind string, object, old any) {
	f.lock.Lock()
	defer f.lock.Unlock()
	accessor, err := meta.Accessor(object)
	if err != nil {
		// Above all cache.DeletedFinalStateUnknown: a delete that was missed.
		f.complaint = errors.Join(f.complaint, fmt.Errorf("%s of %#v: %w", kind, object, err))
		return
	}
	told := event{kind: kind, resourceVersion: accessor.GetResourceVersion()}
	if old != nil {
		if before, err := meta.Accessor(old); err == nil {
			told.old = before.GetResourceVersion()
		}
	}
	of := key{f.plural, accessor.GetName()}
	f.events[of] = append(f.events[of], told)
	f.count++
}

// judge compares what the handler was told with the writes between before, when the informer began, and after.
func (f *follower) judge(ctx context.Context, before, after history) (informerResult, error) {
	expected := map[key][]event{}
	total := 0
	for object, versions := range after {
		if object.plural == f.plural {
			expected[object] = f.expect(versions, len(before[object]))
			total += len(expected[object])
		}
	}
	f.wait(ctx, total)
	outcome := informerResult{Name: f.name, Requests: f.requests}
	err := f.compare(expected)
	cached := map[string]string{}
	for _, object := range f.informer.GetStore().List() {
		accessor, accessErr := meta.Accessor(object)
		if accessErr != nil {
			return outcome, accessErr
		}
		cached[accessor.GetName()] = accessor.GetResourceVersion()
	}
	list, listErr := f.list(ctx)
	if err == nil {
		err = listErr
	}
	if err == nil && !maps.Equal(cached, list) {
		err = fmt.Errorf("the cache holds %v, the server lists %v", cached, list)
	}
	if err == nil && len(cached) == 0 {
		err = errors.New("nothing is left to compare the cache by")
	}
	outcome.Events, outcome.Cached = f.seen(), len(cached)
	if err != nil {
		outcome.Complaint = err.Error()
	}
	return outcome, err
}

// expect gives the events of an object's writes from the write at begin on.
func (f *follower) expect(versions []version, begin int) []event {
	var events []event
	var last string
	selected := false
	// A pod is first marked as going, which no answer tells of.
	isMarked := f.plural == "pods"
	for at, v := range versions {
		is := !v.deleted && f.selects(v)
		if at >= begin {
			switch {
			case is && selected:
				events = append(events, event{kind: "update", resourceVersion: v.resourceVersion, old: last})
			case is:
				events = append(events, event{kind: "add", resourceVersion: v.resourceVersion})
			case selected && v.deleted && isMarked:
				events = append(events, event{kind: "update", old: last}, event{kind: "delete"})
			case selected:
				// A delete's own revision is in the event, but in no answer; a label's change is in both.
				events = append(events, event{kind: "delete", resourceVersion: v.resourceVersion})
			}
		}
		if is {
			last = v.resourceVersion
		}
		selected = is
	}
	return events
}

// wait gives the informer time until its handler was told total events.
func (f *follower) wait(ctx context.Context, total int) {
	bounded, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for f.seen() < total {
		select {
		case <-bounded.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *follower) seen() int {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.count
}

func (f *follower) compare(expected map[key][]event) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.complaint != nil {
		return f.complaint
	}
	for object := range f.events {
		if _, known := expected[object]; !known {
			return fmt.Errorf("told of %v, which nobody wrote", object)
		}
	}
	for object, wanted := range expected {
		told := f.events[object]
		for at, want := range wanted {
			if at >= len(told) {
				return fmt.Errorf("%v: not told of %+v", object, want)
			}
			got := told[at]
			if want.resourceVersion == "" {
				want.resourceVersion = got.resourceVersion
			}
			if got != want {
				return fmt.Errorf("%v: told of %+v where %+v happened", object, got, want)
			}
		}
		if len(told) > len(wanted) {
			return fmt.Errorf("%v: told of %+v, which did not happen", object, told[len(wanted)])
		}
	}
	return nil
}

// listed gives the resourceVersion of each object in a list.
func listed(list runtime.Object, err error) (map[string]string, error) {
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	err = meta.EachListItem(list, func(object runtime.Object) error {
		accessor, err := meta.Accessor(object)
		if err == nil {
			found[accessor.GetName()] = accessor.GetResourceVersion()
		}
		return err
	})
	return found, err
}
