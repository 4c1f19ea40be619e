//! What a store is: the same cases on every backend. A behaviour that no case shows is not promised.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod answers;
mod backends;
mod backups;
mod bundles;
mod copies;
mod cursors;
mod exchange;
mod kept_answers;
mod keys;
mod log;
mod made;
mod marks;
mod pins;
mod proofs;
mod resources;
mod revoked;
mod seals;
mod several;
mod sightings;
mod sweeps;

/// Runs each case on each backend.
macro_rules! on_every_backend {
    ($($module:ident: $($case:ident)*;)*) => {
        mod sqlite_file {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$module::$case(crate::backends::File::new()).await;
                })*
            })*
        }
        mod postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(postgres) = crate::backends::Postgres::new() {
                        crate::$module::$case(postgres).await;
                    }
                })*
            })*
        }
        mod sqlite_memory {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$module::$case(crate::backends::Memory).await;
                })*
            })*
        }
    };
}

on_every_backend! {
    resources:
        a_new_store_is_empty
        a_change_is_read_back
        changes_are_counted_in_the_order_of_their_commits
        a_late_change_conflicts_and_leaves_nothing
        ids_and_names_are_unique
        names_may_be_swapped_in_one_change
        a_delete_of_nothing_is_refused
        a_change_needs_a_record
        only_what_revokes_moves_the_revocation
        every_earlier_state_can_be_rebuilt
        an_unknown_future_is_refused
        everything_survives_reopening
        a_large_change_is_one_change;
    exchange:
        what_is_recorded_is_found
        nothing_is_committed_for_nothing
        more_than_a_batch_is_one_commit
        a_record_that_is_too_large_is_refused
        what_was_decided_before_a_revocation_is_stale
        a_revocation_between_two_commits_is_seen
        a_commit_that_is_given_up_leaves_the_chain_whole
        a_chain_that_goes_on_elsewhere_is_refused;
    marks:
        i01_one_of_a_hundred_claimants_wins
        i01_one_of_a_hundred_in_one_batch_wins
        i01_no_claim_slips_past_forgetting
        i03_two_providers_may_use_the_same_token_id
        i04_marks_survive_reopening_expiry_and_margin
        what_was_forgotten_stays_spent
        evidence_of_before_a_restore_counts_as_spent
        i05_a_stale_decision_burns_nothing
        i07_marks_are_forgotten_in_the_order_of_their_ends
        a_bound_use_may_be_repeated
        a_replay_writes_its_own_record
        l23_a_question_spends_nothing;
    proofs:
        i08_one_of_a_hundred_shows_a_proof_first
        i08_one_of_a_hundred_in_one_batch_shows_a_proof_first
        i08_a_proof_counts_once_alone_or_with_a_decision
        i05_what_is_not_recorded_claims_nothing
        i01_a_bound_use_is_marked_by_whoever_is_let_in
        i08_what_was_shown_stays_shown
        l17_the_clock_of_the_database;
    log:
        pages_go_from_new_to_old
        a_record_is_found_about_its_time
        a_page_keeps_what_it_is_asked_for
        records_are_found_by_id
        chains_link_across_restarts
        heads_cover_what_they_sign
        values_are_erased_and_the_chain_holds
        the_clock_mark_is_the_latest_time;
    backups:
        l16_a_backup_is_restored_and_goes_on
        l18_a_log_behind_a_checkpoint_is_backed_up_and_restored
        what_is_not_whole_leaves_nothing;
    seals:
        l18_sealed_rows_add_up;
    revoked:
        a_token_is_revoked_once
        k09_revocations_survive_reopening_and_are_forgotten_behind_their_end
        k05_what_rests_on_a_revoked_token_is_stale;
    keys:
        keys_are_kept_and_moved
        keys_of_trust_domains_are_kept
        l14_nodes_confirm_bundles
        a_key_deed_is_whole_or_nothing;
    pins:
        f14_the_first_use_pins_a_name_for_good
        names_are_pinned_apart
        f14_one_of_two_first_uses_wins
        only_what_is_recorded_pins
        pins_are_taken_away_with_a_record
        a_change_takes_pins_with_it;
    sightings:
        a_sighting_is_put_down_once
        a_sighting_is_acknowledged_with_a_record
        sightings_go_with_their_provider;
    bundles:
        l15_a_bundle_follows_the_one_before_it
        a_bundle_goes_with_its_owner;
    kept_answers:
        an_answer_is_kept_with_its_change
        answers_are_bounded_in_number_size_and_time
        l16_no_backup_brings_answers_back
        l18_an_answer_that_was_altered_counts_no_more;
    cursors:
        each_sink_has_everything_once_it_has_confirmed
        who_has_lost_a_chain_confirms_nothing
        a_new_sink_may_begin_at_the_end
        what_waits_is_counted;
    sweeps:
        one_persons_values_are_erased
        old_values_are_swept_and_nothing_is_written_for_nothing
        stretches_without_values_are_passed_by
        old_records_go_behind_a_signed_checkpoint
        what_a_sink_lacks_is_not_removed
        what_a_sink_of_another_server_lacks_is_not_removed
        what_no_head_covers_is_not_removed;
}
