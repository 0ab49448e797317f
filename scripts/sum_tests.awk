# Adds up the result lines of libtest and libtest-mimic in the output of `cargo test`, and prints the closing line
#     N passed, N failed, N skipped
# Set `status` to cargo's exit status (-v status=N). A failure that no result line shows (a build that fails, a test
# binary that dies) counts as one failed test. Exits with 1 where something failed or nothing passed.

{ gsub(/\033\[[0-9;]*m/, "") }

/^test result: (ok|FAILED)\. [0-9]+ passed; [0-9]+ failed; [0-9]+ ignored;/ {
    passed += $4
    failed += $6
    skipped += $8
}

END {
    if (status != 0 && failed == 0) {
        print "test: the run failed (status " status ") without a result line of what failed; see above"
        failed = 1
    }
    if (passed == 0 && failed == 0) {
        print "test: no test ran"
    }
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || passed == 0
}
