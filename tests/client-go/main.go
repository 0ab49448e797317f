// Command client-go follows a server's objects with client-go's informers while it changes them, and reports whether
// the informers were told of every change.
//
// It makes a namespace of its own, starts shared informers on it (typed ones, filtered ones and metadata ones), lets
// several writers create, update and delete ConfigMaps and Pods, and compares what each informer's handlers were told
// with what the writers were answered, and each informer's cache with a list. One line of JSON on standard output
// tells the result; the status is 0 only where nothing was lost, repeated or out of order.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	corev1 "k8s.io/api/core/v1"
)

// options are the command line.
type options struct {
	kubeconfig  string
	contentType string
	watchList   bool
	changes     int
	writers     int
	timeout     time.Duration
}

// result is the line that is printed.
type result struct {
	Changes   int              `json:"changes"`
	Seconds   float64          `json:"seconds"`
	Informers []informerResult `json:"informers"`
	Error     string           `json:"error,omitempty"`
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig of the server")
	flag.StringVar(&o.contentType, "content-type", "protobuf", "what typed clients speak: protobuf or json")
	flag.BoolVar(&o.watchList, "watch-list", true, "whether informers ask for their list as a stream of events")
	flag.IntVar(&o.changes, "changes", 5000, "how many changes")
	flag.IntVar(&o.writers, "writers", 16, "how many write at the same time")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long all of it may take")
	flag.Parse()

	// Feature gates are read from the environment when first asked for, which no client has done yet.
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", strconv.FormatBool(o.watchList)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	outcome, err := run(ctx, o)
	if err != nil {
		outcome.Error = err.Error()
	}
	line, encodeErr := json.Marshal(outcome)
	if encodeErr != nil {
		fmt.Fprintln(os.Stderr, encodeErr)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (result, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return result{}, err
	}
	// Client-side throttling would measure itself.
	config.QPS = -1
	switch o.contentType {
	case "json":
		config.ContentType = "application/json"
	case "protobuf":
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	default:
		return result{}, fmt.Errorf("--content-type is protobuf or json, not %q", o.contentType)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return result{}, err
	}
	namespace, err := makeNamespace(ctx, client)
	if err != nil {
		return result{}, err
	}
	defer clearNamespace(client, namespace)

	writers := newWriters(client, namespace, o.writers)
	// So that the informers' first lists have something to show.
	if err := writers.change(ctx, o.changes/20); err != nil {
		return result{}, err
	}
	before := writers.history()
	followers, err := startFollowers(ctx, config, namespace)
	if err != nil {
		return result{}, err
	}
	begun := time.Now()
	if err := writers.change(ctx, o.changes-o.changes/20); err != nil {
		return result{}, err
	}
	outcome := result{Changes: o.changes, Seconds: time.Since(begun).Seconds()}
	var first error
	for _, follower := range followers {
		verdict, err := follower.judge(ctx, before, writers.history())
		outcome.Informers = append(outcome.Informers, verdict)
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", follower.name, err)
		}
	}
	return outcome, first
}

// makeNamespace makes a namespace with the account that pods run as: there may be no controller that makes it.
func makeNamespace(ctx context.Context, client kubernetes.Interface) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "client-go-"}}
	made, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	_, err = client.CoreV1().ServiceAccounts(made.Name).Create(ctx, account, metav1.CreateOptions{})
	if err != nil && !isTaken(err) {
		return "", err
	}
	return made.Name, nil
}

// clearNamespace removes what is left. Where it fails, the objects stay behind; the verdict is passed already.
func clearNamespace(client kubernetes.Interface, namespace string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	core := client.CoreV1()
	all := []error{
		core.ConfigMaps(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}),
		core.Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}),
		core.Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}),
	}
	for _, err := range all {
		if err != nil {
			fmt.Fprintln(os.Stderr, "clearing up:", err)
		}
	}
}
