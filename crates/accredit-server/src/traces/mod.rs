//! Traces: what a request spent its time on, for whoever collects them by OpenTelemetry.
//!
//! | module | holds |
//! |---|---|
//! | `context` | W3C Trace Context: what callers say and what is handed on |
//! | `sampler` | which requests are traced |
//! | `span` | what may be said of them: no claim, no token, nothing of a caller's |
//! | `queue`, `export`, `otlp` | what waits for the collector, the task that sends it, its bytes |
//! | `open` | from the configuration to a running exporter |
//!
//! A request is traced by a task-local [`Trace`], which its steps find where they run. While tracing is off there is none,
//! and nothing is asked for one on the road: [`Traces::step`] looks at one pointer. Nothing here waits for the collector.

mod context;
mod export;
mod open;
mod otlp;
mod queue;
mod sampler;
mod span;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, Method};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

pub(crate) use context::TraceId;
pub(crate) use queue::Counts;
pub(crate) use span::{Attribute, Name, Step};

use crate::app::App;
use crate::{chance, clock};
use context::{Context, SpanId, TRACEPARENT};
use queue::Queue;
use sampler::Sampler;
use span::Span;

/// Where traces begin, or nothing while there are none. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Traces(Option<Arc<Kept>>);

struct Kept {
    sampler: Sampler,
    queue: Arc<Queue>,
    ending: Arc<AtomicBool>,
    exporter: Mutex<Option<JoinHandle<()>>>,
}

/// A request, or a task of its own behind it: the trace that it belongs to and, if that is recorded, a span that is open until
/// [`Trace::end`]. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Inner>);

struct Inner {
    id: TraceId,
    /// Absent where the caller named a trace that is not recorded.
    recording: Option<Recording>,
}

struct Recording {
    queue: Arc<Queue>,
    span: SpanId,
    parent: Option<SpanId>,
    name: Name,
    /// One moment by both clocks: spans of a trace are measured from it, whatever becomes of the clock of the wall.
    began: (u64, Instant),
    state: Mutex<Told>,
}

/// What is known by and by.
#[derive(Default)]
struct Told {
    attributes: Vec<Attribute>,
    failed: bool,
    /// The steps that are open, the innermost last.
    open: Vec<SpanId>,
}

/// A step while it lasts; its end is when it is dropped.
#[must_use = "a step lasts as long as this is held"]
pub(crate) struct Lasting(Option<Box<Begun>>);

struct Begun {
    trace: Trace,
    span: SpanId,
    parent: SpanId,
    step: Step,
    began: Instant,
    attributes: Vec<Attribute>,
}

/// Where something belongs that is done for a request elsewhere.
pub(crate) struct Behind {
    trace: Trace,
    parent: SpanId,
}

tokio::task_local! {
    static CURRENT: Trace;
}

// === impl Traces ===

impl Traces {
    /// The trace of a request, if it has one: its own, or one that its caller named and nobody records.
    pub(crate) fn begin(&self, headers: &HeaderMap, name: impl FnOnce() -> Option<Name>) -> Option<Trace> {
        let kept = self.0.as_ref()?;
        let name = name()?;
        let caller = Context::of(headers);
        let id = caller.map_or_else(|| TraceId::new(chance::bits()), |caller| caller.trace);
        if kept.sampler.takes(caller.as_ref(), &id, chance::bits) {
            return Some(kept.trace(id, caller.map(|caller| caller.span), name));
        }
        caller.map(|caller| Trace(Arc::new(Inner { id: caller.trace, recording: None })))
    }

    /// Begins a step of the request that runs here, where that is traced.
    #[inline]
    pub(crate) fn step(&self, step: Step) -> Lasting {
        match &self.0 {
            None => Lasting(None),
            Some(_) => lasting(step),
        }
    }

    /// Does something that waits for nothing as a step of the request that runs here.
    #[inline]
    pub(crate) fn during<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        let lasting = self.step(step);
        let done = work();
        drop(lasting);
        done
    }

    /// The trace that the request belongs to that runs here.
    #[inline]
    pub(crate) fn id(&self) -> Option<TraceId> {
        self.0.as_ref().and_then(|_| CURRENT.try_with(|trace| trace.0.id).ok())
    }

    /// A trace of what is done for no request that is traced, as far as there is room.
    pub(crate) fn alone(&self, step: Step) -> Option<Trace> {
        let kept = self.0.as_ref().filter(|kept| kept.sampler.has_room(Instant::now()))?;
        Some(kept.trace(TraceId::new(chance::bits()), None, Name::Step(step)))
    }

    /// What became of spans, and how many wait; `None` while tracing is off.
    pub(crate) fn counts(&self) -> Option<(&Counts, usize)> {
        self.0.as_ref().map(|kept| (&kept.queue.counts, kept.queue.waiting()))
    }
}

impl Kept {
    fn trace(&self, id: TraceId, parent: Option<SpanId>, name: Name) -> Trace {
        let recording = Recording {
            queue: Arc::clone(&self.queue),
            span: SpanId::new(chance::bits()),
            parent,
            name,
            began: (clock::nanoseconds(), Instant::now()),
            state: Mutex::default(),
        };
        Trace(Arc::new(Inner { id, recording: Some(recording) }))
    }
}

/// Begins a step of what runs here, where that is traced.
pub(crate) fn lasting(step: Step) -> Lasting {
    let begun = CURRENT.try_with(|trace| {
        let recording = trace.0.recording.as_ref()?;
        let span = SpanId::new(chance::bits());
        let mut told = recording.told();
        let parent = told.open.last().copied().unwrap_or(recording.span);
        told.open.push(span);
        drop(told);
        let (trace, began, attributes) = (trace.clone(), Instant::now(), Vec::new());
        Some(Box::new(Begun { trace, span, parent, step, began, attributes }))
    });
    Lasting(begun.ok().flatten())
}

/// Says something of the request that runs here, where that is recorded.
pub(crate) fn tell(attributes: impl FnOnce() -> Vec<Attribute>) {
    let _ = CURRENT.try_with(|trace| {
        if let Some(recording) = &trace.0.recording {
            recording.told().attributes = attributes();
        }
    });
}

/// Where work belongs that is done elsewhere for the request that runs here.
pub(crate) fn behind() -> Option<Behind> {
    let behind = CURRENT.try_with(|trace| {
        let recording = trace.0.recording.as_ref()?;
        let parent = recording.told().open.last().copied().unwrap_or(recording.span);
        Some(Behind { trace: trace.clone(), parent })
    });
    behind.ok().flatten()
}

/// Does work in another task that belongs to the request that runs here.
pub(crate) fn carried<T>(work: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
    let trace = CURRENT.try_with(Trace::clone).ok();
    async move {
        match trace {
            Some(trace) => CURRENT.scope(trace, work).await,
            None => work.await,
        }
    }
}

/// Traces the acts that routes of administration answer, by the patterns of their routes.
pub(crate) async fn every_act(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let named = || {
        let route = request.extensions().get::<MatchedPath>()?;
        Some(Name::Act(method(request.method()), route.as_str().into()))
    };
    match app.traces.begin(request.headers(), named) {
        None => next.run(request).await,
        Some(trace) => trace.answer(next.run(request)).await,
    }
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        // OpenTelemetry's word for what is no method that is known.
        _ => "_OTHER",
    }
}

// === impl Trace ===

impl Trace {
    /// Answers the request within its trace, and ends that with the answer.
    pub(crate) async fn answer<B>(self, answering: impl Future<Output = http::Response<B>>) -> http::Response<B> {
        let span = tracing::info_span!("request", trace.id = %self.0.id);
        let answer = CURRENT.scope(self.clone(), answering).instrument(span).await;
        if let Some(recording) = &self.0.recording {
            let mut told = recording.told();
            let decision = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
            told.attributes.extend(decision.map(Attribute::Decision));
            told.attributes.push(Attribute::Status(answer.status().as_u16()));
            told.failed = answer.status().is_server_error();
        }
        self.end();
        answer
    }

    /// Does something within the trace, and ends that with it.
    pub(crate) async fn over<T>(self, work: impl Future<Output = T>) -> T {
        let done = CURRENT.scope(self.clone(), work).await;
        self.end();
        done
    }

    fn end(&self) {
        let Some(recording) = &self.0.recording else { return };
        let told = std::mem::take(&mut *recording.told());
        recording.queue.push(Span {
            trace: self.0.id,
            id: recording.span,
            parent: recording.parent,
            name: recording.name.clone(),
            began: recording.began.0,
            ended: recording.at(Instant::now()),
            attributes: told.attributes,
            failed: told.failed,
        });
    }

    /// The header for whoever is asked for this trace next.
    pub(crate) fn hand_on(headers: &mut HeaderMap) {
        let _ = CURRENT.try_with(|trace| {
            if let Some(recording) = &trace.0.recording {
                let span = recording.told().open.last().copied().unwrap_or(recording.span);
                headers.insert(TRACEPARENT, Context { trace: trace.0.id, span, sampled: true }.header());
            }
        });
    }
}

impl Recording {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of the wall at a moment, as this trace measures it.
    fn at(&self, moment: Instant) -> u64 {
        let (wall, began) = self.began;
        let since = moment.saturating_duration_since(began).as_nanos();
        wall.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

// === impl Behind ===

impl Behind {
    /// A step that was done for the request elsewhere.
    pub(crate) fn was(&self, step: Step, began: Instant, ended: Instant, attributes: Vec<Attribute>, failed: bool) {
        let Some(recording) = &self.trace.0.recording else { return };
        recording.queue.push(Span {
            trace: self.trace.0.id,
            id: SpanId::new(chance::bits()),
            parent: Some(self.parent),
            name: Name::Step(step),
            began: recording.at(began),
            ended: recording.at(ended),
            attributes,
            failed,
        });
    }

    /// A task that goes on behind the request.
    pub(crate) fn task(self, step: Step) -> Option<Trace> {
        let recording = self.trace.0.recording.as_ref()?;
        let now = Instant::now();
        let of_task = Recording {
            queue: Arc::clone(&recording.queue),
            span: SpanId::new(chance::bits()),
            parent: Some(self.parent),
            name: Name::Step(step),
            began: (recording.at(now), now),
            state: Mutex::default(),
        };
        Some(Trace(Arc::new(Inner { id: self.trace.0.id, recording: Some(of_task) })))
    }
}

// === impl Lasting ===

impl Lasting {
    /// Says something of the step.
    pub(crate) fn tell(&mut self, attribute: impl FnOnce() -> Attribute) {
        if let Some(begun) = &mut self.0 {
            begun.attributes.push(attribute());
        }
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        let Some(begun) = self.0.take() else { return };
        let Begun { trace, span, parent, step, began, attributes } = *begun;
        let Some(recording) = &trace.0.recording else { return };
        recording.told().open.retain(|open| *open != span);
        recording.queue.push(Span {
            trace: trace.0.id,
            id: span,
            parent: Some(parent),
            name: Name::Step(step),
            began: recording.at(began),
            ended: recording.at(Instant::now()),
            attributes,
            failed: false,
        });
    }
}
