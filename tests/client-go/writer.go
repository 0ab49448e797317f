package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// sideLabel is what filtered informers select by.
const sideLabel = "side"

// objectsEach is how many objects of each kind a writer has.
const objectsEach = 10

var sides = []string{"left", "right"}

// key names an object.
type key struct {
	plural string
	name   string
}

// version is one acknowledged write: the resourceVersion that the answer told, or a delete, whose answer tells none.
type version struct {
	resourceVersion string
	side            string
	deleted         bool
}

// history is every object's acknowledged writes, in their order.
type history map[key][]version

// writer changes objects that are its own, one after the other.
type writer struct {
	client    kubernetes.Interface
	namespace string
	dice      *rand.Rand
	keys      []key
	maps      map[string]*corev1.ConfigMap
	pods      map[string]*corev1.Pod
	log       history
	changes   int
}

// writers work at the same time.
type writers []*writer

func newWriters(client kubernetes.Interface, namespace string, count int) writers {
	var all writers
	for at := range count {
		w := &writer{
			client:    client,
			namespace: namespace,
			dice:      rand.New(rand.NewPCG(uint64(at), 1)),
			maps:      map[string]*corev1.ConfigMap{},
			pods:      map[string]*corev1.Pod{},
			log:       history{},
		}
		for object := range objectsEach {
			name := fmt.Sprintf("w%d-%d", at, object)
			w.keys = append(w.keys, key{"configmaps", name}, key{"pods", name})
		}
		all = append(all, w)
	}
	return all
}

// change makes count changes, shared out among the writers. The first error of each is reported.
func (all writers) change(ctx context.Context, count int) error {
	errs := make(chan error, len(all))
	var running sync.WaitGroup
	for at, w := range all {
		own := count / len(all)
		if at < count%len(all) {
			own++
		}
		running.Go(func() { errs <- w.run(ctx, own) })
	}
	running.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// history is what was acknowledged so far. No writer may be at work.
func (all writers) history() history {
	total := history{}
	for _, w := range all {
		for key, versions := range w.log {
			total[key] = slices.Clone(versions)
		}
	}
	return total
}

func (w *writer) run(ctx context.Context, count int) error {
	for range count {
		object := w.keys[w.dice.IntN(len(w.keys))]
		var err error
		if object.plural == "configmaps" {
			err = w.changeConfigMap(ctx, object)
		} else {
			err = w.changePod(ctx, object)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.plural, object.name, err)
		}
	}
	return nil
}

// meta is the metadata of the next write of an object, of which old is what is known.
func (w *writer) meta(name string, old metav1.ObjectMeta) metav1.ObjectMeta {
	w.changes++
	next := *old.DeepCopy()
	next.Name = name
	next.Labels = map[string]string{sideLabel: sides[w.dice.IntN(len(sides))]}
	next.Annotations = maps.Clone(old.Annotations)
	if next.Annotations == nil {
		next.Annotations = map[string]string{}
	}
	next.Annotations["client-go.example/change"] = strconv.Itoa(w.changes)
	return next
}

func (w *writer) note(object key, meta metav1.ObjectMeta) {
	w.log[object] = append(w.log[object], version{resourceVersion: meta.ResourceVersion, side: meta.Labels[sideLabel]})
}

func (w *writer) noteDelete(object key) {
	w.log[object] = append(w.log[object], version{deleted: true})
}

// deletes tells, by the dice, whether the next change of an object that exists is its delete.
func (w *writer) deletes() bool {
	return w.dice.IntN(100) < 15
}

func (w *writer) changeConfigMap(ctx context.Context, object key) error {
	client := w.client.CoreV1().ConfigMaps(w.namespace)
	old := w.maps[object.name]
	if old != nil && w.deletes() {
		if err := client.Delete(ctx, object.name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		delete(w.maps, object.name)
		w.noteDelete(object)
		return nil
	}
	var written *corev1.ConfigMap
	var err error
	if old == nil {
		next := &corev1.ConfigMap{ObjectMeta: w.meta(object.name, metav1.ObjectMeta{})}
		written, err = client.Create(ctx, next, metav1.CreateOptions{})
	} else {
		next := old.DeepCopy()
		next.ObjectMeta = w.meta(object.name, old.ObjectMeta)
		next.Data = map[string]string{"change": strconv.Itoa(w.changes)}
		written, err = client.Update(ctx, next, metav1.UpdateOptions{})
	}
	if err != nil {
		return err
	}
	w.maps[object.name] = written
	w.note(object, written.ObjectMeta)
	return nil
}

func (w *writer) changePod(ctx context.Context, object key) error {
	client := w.client.CoreV1().Pods(w.namespace)
	old := w.pods[object.name]
	if old != nil && w.deletes() {
		if err := client.Delete(ctx, object.name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		delete(w.pods, object.name)
		w.noteDelete(object)
		return nil
	}
	var written *corev1.Pod
	var err error
	switch {
	case old == nil:
		next := &corev1.Pod{ObjectMeta: w.meta(object.name, metav1.ObjectMeta{})}
		next.Spec.Containers = []corev1.Container{{Name: "one", Image: "registry.example/one:1"}}
		written, err = client.Create(ctx, next, metav1.CreateOptions{})
	case w.dice.IntN(2) == 0:
		next := old.DeepCopy()
		next.Status.Message = "change " + strconv.Itoa(w.changes)
		w.changes++
		written, err = client.UpdateStatus(ctx, next, metav1.UpdateOptions{})
	default:
		next := old.DeepCopy()
		next.ObjectMeta = w.meta(object.name, old.ObjectMeta)
		written, err = client.Update(ctx, next, metav1.UpdateOptions{})
	}
	if err != nil {
		return err
	}
	w.pods[object.name] = written
	w.note(object, written.ObjectMeta)
	return nil
}

func isTaken(err error) bool {
	return apierrors.IsAlreadyExists(err)
}
