//! The functions that a guest imports: each returns the status that Envoy returns.

pub(crate) mod callouts;
mod control;
mod grpc;
mod maps;
mod metrics;
pub(crate) mod properties;
mod shared;
mod wasi;

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::AbiVersion;
use crate::state::VmState;

/// The type of a parameter: `u32` where none is given.
macro_rules! parameter {
    () => {
        u32
    };
    ($ty:ty) => {
        $ty
    };
}

/// Gives the guest a function of the ABI: `$function` takes the guest and the parameters, and returns a status.
macro_rules! call {
    ($linker:expr, $name:literal, $function:path $(, $argument:ident $(: $ty:ty)?)*) => {
        $linker.func_wrap(
            "env",
            $name,
            |caller: wasmi::Caller<'_, crate::state::VmState>
             $(, $argument: crate::calls::parameter!($($ty)?))*|
             -> Result<u32, wasmi::Error> {
                let mut guest = crate::guest::Guest::enter(caller, "env", $name)?;
                let outcome: crate::guest::Outcome = $function(&mut guest $(, $argument)*);
                Ok(outcome.map_or_else(|status| status as u32, |()| 0))
            },
        )?
    };
}

pub(crate) use {call, parameter};

/// Everything that a module of this version may import. What a version lacks is not there: such a module does not link.
///
/// # Errors
/// Two functions have one name, which is a defect of this crate.
pub(crate) fn linker(engine: &wasmi::Engine, abi: AbiVersion) -> Result<Linker<VmState>, LinkerError> {
    let mut linker = Linker::new(engine);
    maps::define(&mut linker)?;
    control::define(&mut linker, abi)?;
    properties::define(&mut linker)?;
    shared::define(&mut linker)?;
    metrics::define(&mut linker)?;
    callouts::define(&mut linker)?;
    grpc::define(&mut linker)?;
    wasi::define(&mut linker)?;
    Ok(linker)
}
